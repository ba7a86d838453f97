internal import Sandbox

/// What is known on the host of one container: its first process, and how its daemon is reached.
struct OCILedger: Equatable, Sendable {
    var process: SandboxLedger
    var runtime: OCIRuntime
    /// For a daemon that listens at a path inside.
    var token: ExecdToken?

    init(process: SandboxLedger, runtime: OCIRuntime, token: ExecdToken?) {
        self.process = process
        self.runtime = runtime
        self.token = token
    }

    init?(parsing text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, let process = SandboxLedger(parsing: String(lines[0])),
            let runtime = OCIRuntime(rawValue: String(lines[1]))
        else { return nil }
        let token = ExecdToken(digits: String(lines[2]))
        guard (token == nil) == lines[2].isEmpty, (token == nil) == runtime.preservesDescriptors else { return nil }
        self.init(process: process, runtime: runtime, token: token)
    }

    var text: String { process.text + "\(runtime.rawValue)\n\(token?.exposed ?? "")\n" }
}
