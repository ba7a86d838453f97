internal import Glibc
internal import Sandbox

/// A call to the kernel that failed, for messages.
struct SystemError: Error, CustomStringConvertible {
    let code: Int32
    let what: String

    init(_ what: String, code: Int32 = errno) {
        self.code = code
        self.what = what
    }

    var description: String { "\(what): \(String(cString: strerror(code)))" }
}

extension SandboxError {
    /// ERANGE stands for a bound that cannot be honoured.
    init(_ error: SystemError) {
        self.init(error.code == ERANGE ? .unsupported : .unavailable, error.description, cause: error)
    }
}
