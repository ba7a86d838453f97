internal import Sandbox

/// What every engine refuses before it asks anybody.
enum SpecChecks {
    /// What a sandbox is bounded in.
    static let bounds = ["memory", "processes", "cpu", "disk"]

    /// For engines whose sandboxes only read their system.
    static func refuseWritableSystem(_ spec: SandboxSpec, _ engine: String) throws(SandboxError) {
        guard spec.system == .readOnly else {
            throw SandboxError(
                .unsupported,
                "the \(engine) engine lets no program change the system: use the namespace engine for that")
        }
    }

    static func check(_ spec: SandboxSpec) throws(SandboxError) {
        let limits = spec.limits
        guard limits.memoryBytes >= 16 << 20, limits.processes >= 8, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported, "limits need at least 16 MiB of memory, 8 processes, 1 % CPU and 16 MiB of disk")
        }
    }
}
