/// One isolated place in which the tools of one session run.
///
/// Inside runs `perimeter-execd`; an implementation only has to bring a byte stream to it.
public protocol Sandbox: Sendable {
    var id: SandboxID { get }
    /// The engine and the boundary it gives, as shown to people ("namespace: bubblewrap, seccomp, cgroup v1 …").
    var boundary: String { get }
    /// How long its engine took for its part of the start; empty for one that lived already.
    var stages: [SandboxStage: Duration] { get }

    /// Runs one tool call and returns its result.
    ///
    /// A call is journalled inside under `call.id` before it starts. A second call with the same id never runs again: it
    /// waits for, or returns, the first one's result.
    /// - Throws: ``SandboxError``; `.lost` when the sandbox died, in which case the call may have run.
    /// - Cancellation: kills the call's whole process tree and returns its result (`isError`, what was printed so far).
    func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult

    /// What the journal inside knows: started and settled calls of this sandbox's life.
    func journal() async throws(SandboxError) -> [String: JournalEntry]

    /// Opens a stream to something inside. It costs one of 256 places until it has ended or is reset.
    ///
    /// A shell runs beside the tools: no interrupt of a call ends it, and nothing of it is in the journal.
    /// - Throws: `.unavailable` when nothing inside takes it, `.quotaExceeded` when too many are open, `.unsupported` where the
    ///   engine has no streams, `.lost`.
    func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream

    /// Gives the programs inside variables, and certificate authorities that they trust, instead of those of an earlier call.
    ///
    /// It may come at any time and again: for a sandbox that was made before its session was known, after a worker's restart, when
    /// a value changed. Programs and shells that start later have the settings; the tools' shell takes them before its next command,
    /// and what it exported itself under other names stays. A program that runs keeps what it had.
    /// - Throws: `.unsupported` for a name, a size or a certificate that is not taken (the earlier settings stay then);
    ///   `.quotaExceeded` when there is no room inside; `.lost`.
    func configure(_ settings: SandboxSettings) async throws(SandboxError)

    /// Writes one file inside, creating parents; `path` is absolute and below a writable root of the sandbox.
    /// - Parameter mode: permission bits, such as 0o755.
    func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError)

    /// Keeps a copy of the sandbox under a new name, from which any number of sandboxes can start
    /// (``SandboxSpec/Source/snapshot(_:)``): a restore, or a fork. The sandbox goes on.
    /// - Throws: `.unsupported` where ``EngineCapabilities/snapshot`` is `.nothing`; `.quotaExceeded` for want of space.
    func snapshot(as name: SnapshotID) async throws(SandboxError)

    /// Stops everything inside, so that it costs no processor time, and closes the connection. What is kept is
    /// ``EngineCapabilities/pause``. Provisioning the same id goes on from there, also in another process.
    func pause() async throws(SandboxError)

    /// Closes the connection and leaves the sandbox alive, for a later holder. Idempotent.
    func detach() async

    /// Ends everything inside and removes what was created outside. Idempotent; a failure is logged and left to the reaper.
    func destroy() async
}

extension Sandbox {
    public func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream {
        throw SandboxError(.unsupported, "this engine opens no streams into its sandboxes")
    }

    public var stages: [SandboxStage: Duration] { [:] }
}

/// Names a sandbox: the session it serves. Letters, digits, `-` and `_` only, at most 64, so it is safe in paths.
public struct SandboxID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init?(_ text: String) {
        guard text.isSafeName else { return nil }
        rawValue = text
    }
    public var description: String { rawValue }
}

/// Names a snapshot within its engine, by the rules of ``SandboxID``.
public struct SnapshotID: Hashable, Sendable, CustomStringConvertible {
    /// Begins the names of kept packages of environments, which engines remove when they were not used for long.
    public static let layerPrefix = "packages-"
    public let rawValue: String
    public init?(_ text: String) {
        guard text.isSafeName else { return nil }
        rawValue = text
    }
    public var description: String { rawValue }
}

extension String {
    fileprivate var isSafeName: Bool {
        !isEmpty && utf8.count <= 64
            && utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }
}

public enum JournalEntry: Sendable, Equatable {
    /// Started and still running.
    case running
    /// Settled with this result.
    case settled(ToolResult)
}
