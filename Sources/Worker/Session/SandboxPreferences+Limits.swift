internal import Sandbox
internal import Wire

extension ResourceLimits {
    /// These bounds, or lower ones where the environment asks for them.
    func within(_ preferences: SandboxPreferences) -> ResourceLimits {
        ResourceLimits(
            memoryBytes: min(memoryBytes, preferences.memory ?? .max),
            processes: min(processes, preferences.processes ?? .max),
            cpuPercent: min(cpuPercent, preferences.cpuPercent ?? .max),
            diskBytes: min(diskBytes, preferences.disk ?? .max),
            outputBytes: min(outputBytes, preferences.output ?? .max))
    }
}

extension WorkerConfiguration {
    /// How long a session of an environment may idle.
    func maxIdle(_ preferences: SandboxPreferences) -> Duration? {
        guard let wanted = preferences.idle.map({ Duration.seconds($0) }) else { return maxIdle }
        return min(wanted, maxIdle ?? wanted)
    }
}
