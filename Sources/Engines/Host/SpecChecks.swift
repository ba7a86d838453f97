internal import Sandbox

/// What every engine refuses before it asks anybody.
enum SpecChecks {
    /// What a sandbox is bounded in.
    static let bounds = ["memory", "processes", "cpu", "disk"]

    static func check(_ spec: SandboxSpec) throws(SandboxError) {
        let limits = spec.limits
        guard limits.memoryBytes >= 16 << 20, limits.processes >= 8, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported, "limits need at least 16 MiB of memory, 8 processes, 1 % CPU and 16 MiB of disk")
        }
        var size = 0
        for (name, value) in spec.environment {
            guard !name.isEmpty, !(name + value).utf8.contains(0), !name.contains("="), name != ExecdToken.variable
            else {
                throw SandboxError(
                    .unsupported, "'\(String(peer: name, limit: 64))' cannot be an environment variable")
            }
            size += name.utf8.count + value.utf8.count
        }
        guard size <= 256 << 10 else {
            throw SandboxError(.unsupported, "the environment variables have more than 256 KiB")
        }
    }
}
