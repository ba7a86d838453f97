internal import Glibc
internal import Sandbox

/// The control groups of sandboxes: version 1 controllers, version 2, or the mixed layout of both.
struct ControlGroups: Sendable {
    /// What of the bounds can be enforced here.
    struct Abilities: Sendable {
        var memory: String?
        var processes: String?
        var cpu: String?
        var missing: [String] {
            [("memory", memory), ("pids", processes), ("cpu", cpu)].filter { $0.1 == nil }.map(\.0)
        }
    }

    /// Where groups are made, and by which rules.
    private struct Parent: Sendable {
        var folder: String
        var controllers: Set<String>
        var isUnified: Bool
    }

    private let parents: [Parent]
    static let needed = ["memory", "pids", "cpu"]
    /// Version 1 freezes through a controller of its own; version 2 in every group.
    private static let freezer = "freezer"

    /// Finds what this process may use. Makes the parent groups; costs a few file operations.
    /// - Parameter owner: names the parent group of one engine.
    init(root: String, owner: String) {
        var parents: [Parent] = []
        for controller in Self.needed + [Self.freezer] {
            let folder = "\(root)/\(controller)/perimeter-\(owner)"
            guard HostFiles.facts("\(root)/\(controller)/cgroup.procs") != nil,
                (try? HostFiles.makeFolder(folder, mode: 0o755)) != nil
            else { continue }
            parents.append(Parent(folder: folder, controllers: [controller], isUnified: false))
        }
        let found = Set(parents.flatMap(\.controllers))
        if let unified = Self.unified(root, owner, needing: Set(Self.needed).subtracting(found)) {
            parents.append(unified)
        }
        self.parents = parents
    }

    private static func unified(_ root: String, _ owner: String, needing: Set<String>) -> Parent? {
        guard !needing.isEmpty, let text = HostFiles.text("\(root)/cgroup.controllers") else { return nil }
        let usable = needing.intersection(text.split(whereSeparator: \.isWhitespace).map(String.init))
        let folder = "\(root)/perimeter-\(owner)"
        guard !usable.isEmpty, (try? HostFiles.makeFolder(folder, mode: 0o755)) != nil else { return nil }
        let request = usable.sorted().map { "+" + $0 }.joined(separator: " ")
        for path in [root, folder] {
            if (try? HostFiles.set("\(path)/cgroup.subtree_control", request)) != nil { continue }
            // In a container the root of the tree has processes, and such a group cannot hand controllers down (cgroups(7)):
            // this process steps aside, which is enough where it is the only one.
            let aside = "\(path)/perimeter-worker"
            guard path == root, (try? HostFiles.makeFolder(aside, mode: 0o755)) != nil else { continue }
            try? HostFiles.set("\(aside)/cgroup.procs", "0")
            try? HostFiles.set("\(path)/cgroup.subtree_control", request)
        }
        let enabled = HostFiles.text("\(folder)/cgroup.subtree_control") ?? ""
        let working = usable.intersection(enabled.split(whereSeparator: \.isWhitespace).map(String.init))
        return working.isEmpty ? nil : Parent(folder: folder, controllers: working, isUnified: true)
    }

    var abilities: Abilities {
        func label(_ controller: String) -> String? {
            parents.first { $0.controllers.contains(controller) }.map { $0.isUnified ? "v2" : "v1" }
        }
        return Abilities(memory: label("memory"), processes: label("pids"), cpu: label("cpu"))
    }

    /// Whether sandboxes can be frozen here.
    var canFreeze: Bool { parents.contains { $0.isUnified || $0.controllers.contains(Self.freezer) } }

    /// Stops everything in the sandbox's groups, or lets it go on; returns when that is so.
    /// - Throws: when the kernel does not bring it about within a second.
    func setFrozen(_ id: SandboxID, _ isFrozen: Bool) throws(SystemError) {
        let first = parents.first { $0.controllers.contains(Self.freezer) } ?? parents.first { $0.isUnified }
        guard let parent = first else { throw SystemError("freeze a sandbox", code: ENOTSUP) }
        let folder = "\(parent.folder)/\(id)"
        let (file, value) =
            parent.isUnified
            ? ("cgroup.freeze", isFrozen ? "1" : "0") : ("freezer.state", isFrozen ? "FROZEN" : "THAWED")
        try HostFiles.set("\(folder)/\(file)", value)
        for _ in 0..<1000 {
            if Self.isFrozen(folder, isUnified: parent.isUnified) == isFrozen { return }
            // Version 1 may stop half way when a process forks meanwhile: said again, it goes on (freezer-subsystem.rst).
            if !parent.isUnified { try HostFiles.set("\(folder)/\(file)", value) }
            usleep(1000)
        }
        throw SystemError("freeze \(folder)", code: ETIMEDOUT)
    }

    private static func isFrozen(_ folder: String, isUnified: Bool) -> Bool {
        guard isUnified else { return HostFiles.text("\(folder)/freezer.state")?.hasPrefix("FROZEN") ?? false }
        return HostFiles.text("\(folder)/cgroup.events")?.contains("frozen 1") ?? false
    }

    /// The folders of one sandbox's groups.
    func folders(_ id: SandboxID) -> [String] { parents.map { "\($0.folder)/\(id)" } }

    /// Makes the groups of a sandbox with their bounds; nothing is in them yet.
    func create(_ id: SandboxID, _ limits: ResourceLimits) throws(SystemError) {
        for parent in parents {
            let folder = "\(parent.folder)/\(id)"
            try HostFiles.makeFolder(folder, mode: 0o755)
            for (file, value) in Self.bounds(limits, parent.controllers, isUnified: parent.isUnified) {
                try HostFiles.set("\(folder)/\(file)", value)
            }
            // Not every kernel accounts swap; without it there is none to bound.
            let swap =
                parent.isUnified ? ("memory.swap.max", "0") : ("memory.memsw.limit_in_bytes", "\(limits.memoryBytes)")
            if parent.controllers.contains("memory") { try? HostFiles.set("\(folder)/\(swap.0)", swap.1) }
        }
    }

    /// The files and values of some controllers. Pure.
    static func bounds(
        _ limits: ResourceLimits, _ controllers: Set<String>, isUnified: Bool
    ) -> [(file: String, value: String)] {
        let period = 100_000
        let quota = limits.cpuPercent * period / 100
        var bounds: [(String, String)] = []
        if controllers.contains("memory") {
            bounds.append((isUnified ? "memory.max" : "memory.limit_in_bytes", "\(limits.memoryBytes)"))
        }
        if controllers.contains("pids") { bounds.append(("pids.max", "\(limits.processes)")) }
        if controllers.contains("cpu") {
            bounds +=
                isUnified
                ? [("cpu.max", "\(quota) \(period)")]
                : [("cpu.cfs_period_us", "\(period)"), ("cpu.cfs_quota_us", "\(quota)")]
        }
        return bounds
    }

    /// The files through which a new process makes itself a member.
    func openJoins(_ id: SandboxID) throws(SystemError) -> [Int32] {
        var joins: [Int32] = []
        for parent in parents {
            // A process of one thread moves itself through `tasks` without the lock over all processes of the machine that
            // `cgroup.procs` takes: that lock costs ten milliseconds and more.
            let file = open(
                "\(parent.folder)/\(id)/\(parent.isUnified ? "cgroup.procs" : "tasks")", O_WRONLY | O_CLOEXEC)
            guard file >= 0 else {
                let error = SystemError("open the control group of \(id)")
                for join in joins { close(join) }
                throw error
            }
            joins.append(file)
        }
        return joins
    }

    /// Everything that is in the sandbox's groups now.
    func processes(_ id: SandboxID) -> Set<Int32> {
        Set(
            folders(id).compactMap { HostFiles.read("\($0)/cgroup.procs", limit: 1 << 20) }
                .flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) } })
    }

    /// Kills everything inside and removes the groups. - Returns: false when something would not go.
    func destroy(_ id: SandboxID) -> Bool {
        let folders = folders(id)
        // What is frozen does not die (version 1).
        if folders.contains(where: { HostFiles.facts($0) != nil }) { try? setFrozen(id, false) }
        for attempt in 0..<200 {
            for pid in processes(id) { kill(pid, SIGKILL) }
            let left = folders.filter { rmdir($0) != 0 && errno != ENOENT }
            if left.isEmpty { return true }
            usleep(attempt < 20 ? 500 : 10_000)
        }
        return false
    }

    /// Ids that have a group here.
    var known: Set<SandboxID> {
        Set(
            parents.flatMap { parent in
                HostFiles.names(in: parent.folder).filter {
                    HostFiles.facts("\(parent.folder)/\($0)/cgroup.procs") != nil
                }
                .compactMap { SandboxID($0) }
            })
    }

    /// Removes the parent groups when nothing is in them.
    func removeParents() { for parent in parents { rmdir(parent.folder) } }
}
