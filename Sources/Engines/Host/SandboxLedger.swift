internal import CLinux
internal import Glibc
internal import Sandbox

/// What is known on the host of one sandbox: written before it starts, so that it is found after any crash.
struct SandboxLedger: Equatable, Sendable {
    /// The process of bubblewrap, and when it started (clock ticks since boot): numbers are reused, pairs are not.
    var pid: Int32
    var startedAt: UInt64
    var hasProxy: Bool

    init(pid: Int32, startedAt: UInt64, hasProxy: Bool) {
        self.pid = pid
        self.startedAt = startedAt
        self.hasProxy = hasProxy
    }

    init?(parsing text: String) {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 4, fields[0] == "1", let pid = Int32(fields[1]), let startedAt = UInt64(fields[2]),
            fields[3] == "proxy" || fields[3] == "closed"
        else { return nil }
        self.init(pid: pid, startedAt: startedAt, hasProxy: fields[3] == "proxy")
    }

    var text: String { "1 \(pid) \(startedAt) \(hasProxy ? "proxy" : "closed")\n" }

    /// Whether this very process still runs.
    var isAlive: Bool { Self.startTime(of: pid) == startedAt }

    /// Takes the killed process off this one's list of children, if it is there. Waits a second for its end at most: what takes
    /// longer to end, on a machine under load, is collected later, so that no zombie stays for the life of the worker.
    func collect() {
        for _ in 0..<1000 {
            // A number that names another process by now is not ours to wait for.
            guard Self.entry(of: pid)?.startedAt == startedAt, clinux_reap(pid, 0) == 0 else { return }
            usleep(1000)
        }
        Self.slowEnds.submit { [pid] in _ = clinux_reap(pid, 1) }
    }

    private static let slowEnds = BlockingLane(threadLimit: 4)

    /// When the process started; nil for one that is gone or only waits to be reaped.
    static func startTime(of pid: Int32) -> UInt64? {
        guard let entry = entry(of: pid), entry.state != "Z", entry.state != "X" else { return nil }
        return entry.startedAt
    }

    /// Fields 3 and 22 of /proc/PID/stat (proc(5)).
    private static func entry(of pid: Int32) -> (state: Substring, startedAt: UInt64)? {
        // The name in the second field may hold spaces and brackets, so count from its end.
        guard let text = HostFiles.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let startedAt = UInt64(fields[19]) else { return nil }
        return (fields[0], startedAt)
    }
}
