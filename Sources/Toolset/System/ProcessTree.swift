package import Glibc

/// The processes below one process, as `/proc` shows them, and the means to end them.
package struct ProcessTree: Sendable {
    /// A process that is not mistaken for a later one with the same number.
    package struct Identity: Hashable, Sendable {
        package var pid: pid_t
        package var startTime: UInt64
    }

    private struct Entry {
        var identity: Identity
        var parent: pid_t
        var isZombie: Bool
    }

    /// Everything below this process belongs to the tree; the process itself does not.
    package var root: pid_t

    package init(below root: pid_t) {
        self.root = root
    }

    /// The living processes of the tree.
    package func members() -> Set<Identity> {
        Set(scan(sparing: []).map(\.identity))
    }

    /// Kills the tree, except the spared processes and what descends from them, and returns when it is gone.
    ///
    /// Looks again until nothing is left, since a process may fork while it is being killed. `reap` is called in between
    /// so that children of this process do not stay as zombies. Init of a pid namespace loses patience after half a
    /// second (a fork bomb) and kills everything but itself, atomically.
    /// - Returns: false when something survived the deadline (never for init, unless a process sleeps in the kernel).
    package func kill(sparing spared: Set<Identity>, deadlineMilliseconds: Int = 900, reap: () -> Void) -> Bool {
        let start = Clock.milliseconds()
        while true {
            let targets = scan(sparing: spared)
            if targets.isEmpty { return true }
            for target in targets { _ = Glibc.kill(target.identity.pid, SIGKILL) }
            let elapsed = Clock.milliseconds() - start
            if elapsed > 500, getpid() == 1 { _ = Glibc.kill(-1, SIGKILL) }
            if elapsed > deadlineMilliseconds { return false }
            reap()
            var pause = timespec(tv_sec: 0, tv_nsec: 500_000)
            nanosleep(&pause, nil)
        }
    }

    private func scan(sparing spared: Set<Identity>) -> [Entry] {
        let all = Self.processes()
        var memo: [pid_t: Bool] = [:]
        let sparedPids = Set(all.values.filter { spared.contains($0.identity) }.map(\.identity.pid))
        return all.values.filter { entry in
            !entry.isZombie && entry.identity.pid != root
                && belongs(entry.identity.pid, in: all, sparing: sparedPids, memo: &memo)
        }
    }

    private func belongs(
        _ pid: pid_t, in all: [pid_t: Entry], sparing spared: Set<pid_t>, memo: inout [pid_t: Bool]
    ) -> Bool {
        var chain: [pid_t] = []
        var current = pid
        var answer = false
        while true {
            if current == root {
                answer = true
                break
            }
            if spared.contains(current) { break }
            if let known = memo[current] {
                answer = known
                break
            }
            chain.append(current)
            guard chain.count < 100_000, let entry = all[current], entry.parent > 0 else { break }
            current = entry.parent
        }
        for link in chain { memo[link] = answer }
        return answer
    }

    private static func processes() -> [pid_t: Entry] {
        guard let directory = opendir("/proc") else { return [:] }
        defer { closedir(directory) }
        var entries: [pid_t: Entry] = [:]
        while let item = readdir(directory) {
            let name = withUnsafeBytes(of: &item.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let pid = pid_t(name), let entry = entry(of: pid) else { continue }
            entries[pid] = entry
        }
        return entries
    }

    private static func entry(of pid: pid_t) -> Entry? {
        let raw = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        guard let bytes = try? Descriptor(raw).readAll(limit: 4096),
            // The name in parentheses may itself contain spaces and parentheses; the fields start after the last one.
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // Only three of the many fields are looked at: this runs for every process before every command.
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 20)
        guard fields.count > 19, let parent = pid_t(String(decoding: fields[1], as: UTF8.self)),
            let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        let isZombie = fields[0].first == UInt8(ascii: "Z") || fields[0].first == UInt8(ascii: "X")
        return Entry(identity: Identity(pid: pid, startTime: startTime), parent: parent, isZombie: isZombie)
    }
}
