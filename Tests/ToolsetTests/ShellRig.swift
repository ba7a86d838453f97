import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// A real bash over a work directory of its own. Ends everything it started.
final class ShellRig {
    let tools: ToolRig
    let session: ShellSession
    let environment: ProgramEnvironment
    private var number = 0

    init(outputLimit: Int = 100_000) throws {
        // As the daemon does: a shell that is gone must not end this process.
        signal(SIGPIPE, SIG_IGN)
        tools = try ToolRig()
        let settings = ToolSettings(
            workDirectory: tools.work, environment: ["PATH=/usr/bin:/bin", "HOME=\(tools.work)", "LANG=C.UTF-8"],
            outputLimit: outputLimit, defaultTimeoutMilliseconds: 60_000)
        environment = settings.environment
        session = try ShellSession(settings: settings, gate: tools.gate, children: ChildTable(), tree: nil)
    }

    deinit { session.end() }

    func run(
        _ command: String?, restart: Bool = false, timeout: Int? = nil, cancelAt mark: String? = nil
    ) throws -> CallResult {
        number += 1
        let cancel = try CancelToken()
        var seen = ""
        return session.run(
            callID: "shell\(number)", command: command, restart: restart, timeoutMilliseconds: timeout, cancel: cancel
        ) { bytes in
            seen += String(decoding: bytes, as: UTF8.self)
            if let mark, seen.contains(mark) { cancel.cancel() }
        }
    }

    func text(_ command: String, timeout: Int? = nil) throws -> String {
        try run(command, timeout: timeout).text
    }

    /// The number of a process that a command printed.
    func pid(_ text: String) throws -> pid_t {
        try #require(pid_t(text.split(separator: "\n").last ?? ""))
    }

    static func isAlive(_ pid: pid_t) -> Bool {
        guard let status = try? Descriptor(opened: open("/proc/\(pid)/stat", O_RDONLY), "open").readAll(limit: 4096)
        else { return false }
        let rest = String(decoding: status, as: UTF8.self).split(separator: ")").last ?? ""
        return rest.split(separator: " ").first.map { $0 != "Z" && $0 != "X" } ?? false
    }
}

extension CallResult {
    /// The first block if it is text.
    var text: String {
        guard case .text(let text)? = content.first else { return "" }
        return text
    }
}
