/// Creates sandboxes of one kind on this host.
public protocol SandboxProvider: AnyObject, Sendable {
    /// The engine's setting name, such as `namespace`.
    var name: String { get }

    /// What the engine can do; known without a probe, and no more than the last probe found.
    var capabilities: EngineCapabilities { get }

    /// What the engine can do here, probed by really doing it; each problem names its remedy. Costs some milliseconds.
    func probe() async -> EngineReport

    /// Attaches to the living sandbox of `spec.id`, or creates one. The work directory of an earlier sandbox of this id is kept.
    /// - Throws: `.unsupported` when a requested bound cannot be honoured, `.unavailable` when the host lacks something.
    func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox

    /// Removes what no live owner claims: sandboxes whose id is not in `live`.
    func sweep(keeping live: Set<SandboxID>) async

    /// Whether the files of an earlier sandbox of this id are kept here.
    func keepsFiles(of id: SandboxID) async -> Bool

    /// Removes what is kept of a sandbox that was destroyed: nobody will come back to it. Idempotent.
    func forget(_ id: SandboxID) async

    /// The snapshots that this engine keeps here, newest first.
    func snapshots() async -> [Snapshot]

    /// Removes a snapshot. Idempotent. Sandboxes that were started from it go on.
    func removeSnapshot(_ name: SnapshotID) async throws(SandboxError)

    /// Writes a snapshot as one file that any host with this engine can read, for an archive.
    /// - Parameter path: must not exist; is complete when the call returns, and absent when it throws.
    func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError)

    /// Reads what ``exportSnapshot(_:to:)`` wrote, which is checked as untrusted input.
    func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError)

    /// Removes every sandbox and what the engine keeps on this host beside files and snapshots. It is of no use afterwards.
    func shutdown() async

    /// As ``shutdown()``, but for paused sandboxes, which another process will go on with, and what they need.
    func shutdown(keeping paused: Set<SandboxID>) async
}

extension SandboxProvider {
    public func shutdown(keeping paused: Set<SandboxID>) async {
        if paused.isEmpty { await shutdown() } else { await sweep(keeping: paused) }
    }
    public func keepsFiles(of id: SandboxID) async -> Bool { false }

    public func forget(_ id: SandboxID) async {}

    public func snapshots() async -> [Snapshot] { [] }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {}

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        throw SandboxError(.unsupported, "the \(self.name) engine keeps no snapshots")
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        throw SandboxError(.unsupported, "the \(self.name) engine keeps no snapshots")
    }
}

/// A kept copy of a sandbox.
public struct Snapshot: Sendable, Equatable {
    public var id: SnapshotID
    /// Bytes on disk that it takes for itself.
    public var bytes: Int
    /// Seconds since 1970.
    public var createdAt: Int
    public var keeps: EngineCapabilities.Kept

    public init(id: SnapshotID, bytes: Int, createdAt: Int, keeps: EngineCapabilities.Kept) {
        self.id = id
        self.bytes = bytes
        self.createdAt = createdAt
        self.keeps = keeps
    }
}

/// The result of a probe, as `doctor` and the session's label show it.
public struct EngineReport: Sendable {
    public var engine: String
    /// One line for people: the boundary that sandboxes of this engine get here.
    public var boundary: String
    public var isUsable: Bool
    /// Missing or weaker parts, each with what to do about it.
    public var problems: [Problem]

    public struct Problem: Sendable, Equatable {
        public var summary: String
        public var remedy: String
        /// True when sandboxes are refused because of it; false when the boundary is merely weaker, as its text states.
        public var isFatal: Bool
        public init(summary: String, remedy: String, isFatal: Bool) {
            self.summary = summary
            self.remedy = remedy
            self.isFatal = isFatal
        }
    }

    public init(engine: String, boundary: String, isUsable: Bool, problems: [Problem]) {
        self.engine = engine
        self.boundary = boundary
        self.isUsable = isUsable
        self.problems = problems
    }
}
