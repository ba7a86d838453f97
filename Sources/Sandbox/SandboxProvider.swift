/// Creates sandboxes of one kind on this host.
public protocol SandboxProvider: Sendable {
    /// The engine's setting name, such as `namespace`.
    var name: String { get }

    /// What the engine can do here, probed by really doing it; each problem names its remedy. Costs some milliseconds.
    func probe() async -> EngineReport

    /// Attaches to the living sandbox of `spec.id`, or creates one. The work directory of an earlier sandbox of this id is kept.
    /// - Throws: `.unsupported` when a requested bound cannot be honoured, `.unavailable` when the host lacks something.
    func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox

    /// Removes what no live owner claims: sandboxes whose id is not in `live`.
    func sweep(keeping live: Set<SandboxID>) async
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
