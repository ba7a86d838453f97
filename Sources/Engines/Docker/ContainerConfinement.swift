internal import Glibc
internal import Sandbox

/// What the kernel says about the first process of a container: the daemon's word is not taken for it.
///
/// Daemons pass over fields that they do not know and discard bounds that they cannot set, with a warning at most.
struct ContainerConfinement: Sendable {
    /// `/proc/PID/status` (proc(5)).
    var status: String
    /// `/proc/PID/cgroup` (cgroups(7)).
    var groups: String
    /// Kinds of namespaces that the process shares with this one.
    var sharedNamespaces: [String]
    /// Whether it runs the executable that was mounted, on this kernel.
    var runsDaemon: Bool
    /// The content of a file of the control group file systems.
    var groupFile: @Sendable (String) -> String?

    private static let namespaces = ["net", "pid", "mnt", "ipc", "uts"]

    /// Looks at a living process; blocks. - Returns: nil when there is none.
    static func read(_ pid: Int32, executable: FileIdentity, cgroupRoot: String) -> ContainerConfinement? {
        guard pid > 1, let status = HostFiles.text("/proc/\(pid)/status"),
            let groups = HostFiles.text("/proc/\(pid)/cgroup")
        else { return nil }
        let shared = namespaces.filter { name in
            // A namespace that cannot be looked at counts as shared.
            guard let own = HostFiles.link("/proc/self/ns/\(name)"),
                let other = HostFiles.link("/proc/\(pid)/ns/\(name)")
            else { return true }
            return own == other
        }
        return ContainerConfinement(
            status: status, groups: groups, sharedNamespaces: shared,
            runsDaemon: FileIdentity("/proc/\(pid)/exe") == executable, groupFile: { HostFiles.text(cgroupRoot + $0) })
    }

    /// What does not hold although it was asked for; empty when all does.
    func violations(_ limits: ResourceLimits) -> [String] {
        guard runsDaemon else { return ["it does not run the daemon on this host's kernel"] }
        var violations = sharedNamespaces.map { "it shares the host's \($0) namespace" }
        let fields = self.fields
        func require(_ name: String, _ complaint: String, _ isRight: (String) -> Bool) {
            if !(fields[name].map(isRight) ?? false) { violations.append(complaint) }
        }
        let users = Array(repeating: "\(ContainerRequest.user)", count: 4).joined(separator: "\t")
        require("Uid", "it runs as another user than \(ContainerRequest.user)") { $0 == users }
        require("Gid", "it runs as another group than \(ContainerRequest.user)") { $0 == users }
        // A group of the image's making is none of the sandbox's.
        require("Groups", "it has other groups than \(ContainerRequest.user)") {
            $0.split(separator: " ").allSatisfy { $0 == "\(ContainerRequest.user)" }
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            require(set, "it has capabilities (\(set))") { UInt64($0, radix: 16) == 0 }
        }
        require("NoNewPrivs", "it may gain privileges") { $0 == "1" }
        require("Seccomp", "it has no system call filter") { $0 == "2" }
        return violations + looseBounds(limits).map { "its \($0) is not bounded" }
    }

    private var fields: [String: String] {
        var fields: [String: String] = [:]
        for line in status.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[String(parts[0])] = String(parts[1].drop { $0 == "\t" || $0 == " " })
        }
        return fields
    }

    /// The bounds among "memory", "processes" and "cpu" that are wider than asked for, or cannot be seen.
    private func looseBounds(_ limits: ResourceLimits) -> [String] {
        var loose: [String] = []
        if !isAtMost(limits.memoryBytes, "memory", "memory.limit_in_bytes", "memory.max") { loose.append("memory") }
        if !isAtMost(limits.processes, "pids", "pids.max", "pids.max") { loose.append("processes") }
        if !isProcessorBounded(limits.cpuPercent) { loose.append("cpu") }
        return loose
    }

    private func isAtMost(_ bound: Int, _ controller: String, _ legacy: String, _ unified: String) -> Bool {
        guard let text = value(controller, legacy, unified), let number = Int(text) else { return false }
        return number > 0 && number <= bound
    }

    private func isProcessorBounded(_ percent: Int) -> Bool {
        let quota: Int?
        let period: Int?
        if let folder = legacyFolder("cpu") {
            quota = groupFile(folder + "/cpu.cfs_quota_us").flatMap { Int($0.filter(\.isNumber)) }
            period = groupFile(folder + "/cpu.cfs_period_us").flatMap { Int($0.filter(\.isNumber)) }
            guard groupFile(folder + "/cpu.cfs_quota_us")?.hasPrefix("-") == false else { return false }
        } else {
            let words = value("cpu", "", "cpu.max")?.split(separator: " ") ?? []
            guard words.count == 2 else { return false }
            (quota, period) = (Int(words[0]), Int(words[1]))
        }
        guard let quota, let period, quota > 0, period > 0 else { return false }
        // Rounded to whole microseconds by the daemon.
        return quota * 100 <= percent * period + 100
    }

    private func value(_ controller: String, _ legacy: String, _ unified: String) -> String? {
        let text =
            legacyFolder(controller).map { groupFile("\($0)/\(legacy)") }
            ?? unifiedFolder.flatMap { groupFile("\($0)/\(unified)") }
        return text?.split(separator: "\n").first.map(String.init)
    }

    /// Below the mount of a controller of version 1.
    private func legacyFolder(_ controller: String) -> String? {
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].split(separator: ",").contains(Substring(controller)),
                Self.isBelow(parts[2])
            else { continue }
            return "/\(controller)\(parts[2])"
        }
        return nil
    }

    private var unifiedFolder: String? {
        groups.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { $0.dropFirst(3) }
            .flatMap { Self.isBelow($0) ? String($0) : nil }
    }

    /// A path that leaves this process's own part of the tree cannot be looked up.
    private static func isBelow(_ path: Substring) -> Bool { path.hasPrefix("/") && !path.contains("/..") }
}
