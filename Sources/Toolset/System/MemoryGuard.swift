internal import Glibc

/// Ends the largest program before a sandbox is out of memory, for a kernel that ends none itself: under gVisor the host would
/// end the sandbox as a whole.
///
/// It looks the more often the less is left. What fills the rest faster than it looks is the host's business.
package struct MemoryGuard {
    /// What all programs and memory file systems may use together.
    private let bound: Int
    private let folder: String
    /// When to look next, in milliseconds of the clock.
    private var due = 0
    /// Was told to end, and may need a moment for it.
    private var ending: (pid: pid_t, since: Int)?

    /// Memory that is filled in a millisecond, at most: what a processor writes, and twice that for a second one.
    private static let bytesPerMillisecond = 2 << 20
    private static let pauses = 4...200
    private static let patienceForAnEnd = 1000
    /// Of the kernel in user space, which has it from the same bound.
    private static let leastReserve = 48 << 20

    /// - Parameters:
    ///   - limit: bytes of memory at which the host ends the sandbox.
    ///   - folder: where the kernel shows its processes.
    package init(limit: Int, folder: String = "/proc") {
        bound = limit - max(limit / 4, min(limit / 2, Self.leastReserve))
        self.folder = folder
    }

    /// Milliseconds until it wants to look, for poll(2).
    package var patience: Int32 { Int32(clamping: max(0, due - Int(Clock.milliseconds()))) }

    /// How long nothing can happen, when this much is used. Pure.
    package static func pause(used: Int, bound: Int) -> Int {
        min(max((bound - used) / bytesPerMillisecond, pauses.lowerBound), pauses.upperBound)
    }

    /// Looks when it is time to, and ends a program when too much is used.
    package mutating func look() {
        let now = Int(Clock.milliseconds())
        guard now >= due else { return }
        let used = used() ?? 0
        due = now + Self.pause(used: used, bound: bound)
        guard used > bound else { return }
        if let ending, now - ending.since < Self.patienceForAnEnd, kill(ending.pid, 0) == 0 { return }
        // This process is spared, and what it may not end: the other end of its connection.
        for (pid, _) in programs().sorted(by: { $0.bytes > $1.bytes }) where kill(pid, SIGKILL) == 0 {
            ending = (pid, now)
            return
        }
    }

    private func used() -> Int? {
        guard let text = Self.text("\(folder)/meminfo") else { return nil }
        func kibibytes(_ name: String) -> Int? {
            text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { line in
                line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
            }
        }
        guard let total = kibibytes("MemTotal:"), let free = kibibytes("MemFree:") else { return nil }
        return (total - free) << 10
    }

    /// The other processes, by what they have in memory.
    private func programs() -> [(pid: pid_t, bytes: Int)] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        let page = sysconf(Int32(_SC_PAGESIZE))
        var found: [(pid_t, Int)] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name), pid != getpid(), let text = Self.text("\(folder)/\(name)/statm"),
                let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
            else { continue }
            found.append((pid, pages * page))
        }
        return found
    }

    private static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
