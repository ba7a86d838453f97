internal import Sandbox

/// What must be known of a container with its own kernel to use it, or a saved copy of it, later. Holds a secret: its files
/// are for their owner only.
struct ContainerRecord: Equatable, Sendable {
    /// What the daemon inside listens to.
    var token: ExecdToken
    /// The bounds that are known inside.
    var memoryBytes: Int
    var processes: Int
    var hasProxy: Bool
    /// Who can read saved memory: the identities of the runtime, the daemon and the root file system.
    var format: String

    init(_ spec: SandboxSpec, token: ExecdToken, format: String) {
        self.token = token
        memoryBytes = spec.limits.memoryBytes
        processes = spec.limits.processes
        hasProxy = spec.network != .none
        self.format = format
    }

    /// Total: hostile text gives nil.
    init?(parsing text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, fields[0] == "container-1", let token = ExecdToken(digits: fields[1]),
            let memoryBytes = Int(fields[2]), let processes = Int(fields[3]),
            fields[4] == "proxy" || fields[4] == "closed", memoryBytes > 0, processes > 0, !fields[5].isEmpty
        else { return nil }
        self.token = token
        self.memoryBytes = memoryBytes
        self.processes = processes
        hasProxy = fields[4] == "proxy"
        format = fields[5]
    }

    var text: String {
        "container-1 \(token.exposed) \(memoryBytes) \(processes) \(hasProxy ? "proxy" : "closed") \(format)"
    }

    /// Why a container like this cannot serve the request; nil when it can. Nothing of it can be changed while it lives.
    func refusal(of spec: SandboxSpec) -> String? {
        if hasProxy != (spec.network != .none) { return "it was made \(hasProxy ? "with" : "without") a way out" }
        if memoryBytes > spec.limits.memoryBytes { return "it may have \(memoryBytes) bytes of memory" }
        return processes > spec.limits.processes ? "it may have \(processes) processes" : nil
    }
}
