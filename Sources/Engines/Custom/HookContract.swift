internal import Sandbox
internal import Wire

/// What a hook is asked, by a command or by HTTP. `docs/custom-engine.md` is its text for people.
enum HookVerb: String, Sendable, CaseIterable {
    case describe, create, connect, pause, snapshot, destroy, list, snapshots
    case removeSnapshot = "remove-snapshot"
    case exportSnapshot = "export-snapshot"
    case importSnapshot = "import-snapshot"
}

/// How a hook's request ended.
enum HookOutcome: Equatable, Sendable {
    case done
    /// Nothing of that name: as good as done where something was to be removed.
    case absent
    case failed(SandboxError.Code)

    /// What a program that carried a stream said by its end; nil when it ended for another reason.
    init?(streamExitCode code: Int32) {
        guard (10...13).contains(code) else { return nil }
        self.init(exitCode: code)
    }

    init(exitCode: Int32) {
        switch exitCode {
        case 0: self = .done
        case 10: self = .failed(.unsupported)
        case 11: self = .absent
        case 12: self = .failed(.quotaExceeded)
        default: self = .failed(.unavailable)
        }
    }

    init(status: Int) {
        switch status {
        case 200..<300: self = .done
        case 404, 410: self = .absent
        case 413, 507: self = .failed(.quotaExceeded)
        case 422, 501: self = .failed(.unsupported)
        default: self = .failed(.unavailable)
        }
    }
}

enum HookLimits {
    static let version = 1
    /// Bytes of one answer.
    static let answer = 1 << 20
    static let depth = 16
    /// Names in one list.
    static let names = 100_000
    /// The port inside at which the daemon takes connections to the outside.
    static let proxyPort = 3128
}

/// Carries requests to a hook.
protocol HookTransport: Sendable {
    /// - Parameters:
    ///   - request: one object.
    ///   - archive: a file that the hook reads (`import-snapshot`) or writes (`export-snapshot`).
    /// - Returns: nil for `absent`.
    func call(_ verb: HookVerb, _ request: JSON, archive: Int32?) async throws(SandboxError) -> JSON?

    /// Opens the byte stream to the daemon of a sandbox and greets.
    /// - Returns: nil when the hook says that no such sandbox lives.
    /// - Throws: `.unavailable` when the hook cannot tell or cannot do it now; another code when what the stream leads to is of
    ///   no use.
    func connect(
        _ id: SandboxID, token: ExecdToken, gate: (any OutboundGate)?, within deadline: Duration
    ) async throws(SandboxError) -> ExecdClient?

    /// Waits until what carried the stream to the sandbox is gone. The client has let go of it.
    func disconnected(_ id: SandboxID) async

    /// What stands in the way before anything is asked, with the remedy.
    func problem() async -> EngineReport.Problem?
}
