internal import CLinux
internal import Glibc
internal import Sandbox

extension NamespaceEngine {
    /// As many as a session needs by far. The host's bound, `kernel.pty.max`, is one for all sandboxes together.
    private static let terminals: UInt32 = 256

    /// Bounds the terminals of a sandbox in which nothing but the daemon runs yet, which bubblewrap cannot. Needs root; blocks.
    /// - Returns: why they are not bounded, or nil.
    func boundTerminals(_ id: SandboxID) -> String? {
        guard geteuid() == 0 else { return "the worker is not root" }
        guard let ledger = HostFiles.text(paths.sandbox(id).ledger).flatMap({ SandboxLedger(parsing: $0) }),
            let first = Self.children(of: ledger).first
        else { return "its first process is gone" }
        let namespace = open("/proc/\(first)/ns/mnt", O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { return "\(SystemError("open its mount namespace"))" }
        defer { close(namespace) }
        // Asked after the namespace was opened: it is the sandbox's, not that of a later process with the same number.
        guard Self.children(of: ledger).contains(first), ledger.isAlive, !Self.isOwn(namespace) else {
            return "its first process is gone"
        }
        return clinux_bound_terminals(namespace, Self.terminals) == 0 ? nil : "\(SystemError("remount /dev/pts"))"
    }

    /// Of bubblewrap: the first process inside.
    static func children(of ledger: SandboxLedger) -> [Int32] {
        let text = HostFiles.text("/proc/\(ledger.pid)/task/\(ledger.pid)/children") ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    private static func isOwn(_ namespace: Int32) -> Bool {
        var own = stat()
        var other = stat()
        guard stat("/proc/self/ns/mnt", &own) == 0, fstat(namespace, &other) == 0 else { return true }
        return own.st_dev == other.st_dev && own.st_ino == other.st_ino
    }
}
