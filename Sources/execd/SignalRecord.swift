internal import Glibc

/// One signal that the daemon got, as `signalfd` tells it (struct signalfd_siginfo).
struct SignalRecord: Equatable {
    var number: UInt32
    var code: Int32
    /// Zero for a sender that this process's namespace does not have.
    var sender: UInt32

    init(number: Int32, code: Int32, sender: UInt32) {
        self.number = UInt32(number)
        self.code = code
        self.sender = sender
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 16 else { return nil }
        (number, code, sender) = bytes.withUnsafeBytes { raw in
            (
                raw.loadUnaligned(as: UInt32.self), raw.loadUnaligned(fromByteOffset: 8, as: Int32.self),
                raw.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
            )
        }
    }

    /// Whether it asks the daemon to end. As first process of its namespace it is not asked by those whom it started: a program
    /// that kills whatever it can would take the session's other calls along.
    func endsDaemon(_ own: pid_t) -> Bool {
        guard number != UInt32(SIGCHLD) else { return false }
        return own != 1 || sender == 0
    }
}
