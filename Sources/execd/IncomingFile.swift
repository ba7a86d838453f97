internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// A file that the worker is sending.
struct IncomingFile {
    private var pending: FileWriter.Pending?
    private let path: String

    /// Starts a file. The worker may also fill the directories that tools only read.
    init(path: String, mode: UInt16, stream: UInt32, gate: PathGate) throws(ToolError) {
        guard path.hasPrefix("/") else { throw ToolError(.invalid, "\(path): not an absolute path") }
        self.path = path
        pending = try FileWriter(gate: gate).begin(
            try gate.resolve(path), named: path, mode: mode_t(mode & 0o7777), unique: "put\(stream)")
    }

    func append(_ bytes: [UInt8]) throws(ToolError) {
        do {
            try pending?.file.write(bytes)
        } catch {
            throw ToolError(error, path: path)
        }
    }

    func commit() throws(ToolError) {
        do {
            try pending?.commit()
        } catch {
            throw ToolError(error, path: path)
        }
    }

    func discard() {
        pending?.discard()
    }
}

extension Fault {
    init(_ error: ToolError) {
        switch error.code {
        case .denied: self.init(.denied, error.message)
        default: self.init(.failed, error.message)
        }
    }
}
