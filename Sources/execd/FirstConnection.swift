internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// The connection that says whose the daemon is. Until it comes nothing but the daemon runs in the sandbox, so that whoever is
/// first is one who may start programs in it.
struct FirstConnection {
    var orders: ExecdOrders
    /// What every later connection has to say first, and this one has said.
    var token: ConnectionToken
    var socket: Descriptor

    /// Milliseconds that a connection may be silent.
    private static let patience: Int32 = 10_000

    /// One connection after the other; one that ends, stalls or says something else is closed.
    /// - Returns: nil when the daemon is told to end.
    static func wait(at listener: Descriptor, signals: Descriptor) -> FirstConnection? {
        var caller: Descriptor?
        var bytes: [UInt8] = []
        while true {
            var watched = [
                pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: (caller ?? listener).raw, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&watched, 2, caller == nil ? -1 : patience)
            if count == 0 { caller = nil }
            guard count > 0 else { continue }
            if watched[0].revents != 0, isEnd(signals) { return nil }
            guard watched[1].revents != 0 else { continue }
            guard let socket = caller else {
                let raw = clinux_accept(listener.raw)
                caller = raw < 0 ? nil : Descriptor(raw)
                bytes = []
                continue
            }
            guard let more = try? socket.read(upTo: ExecdOrders.length - bytes.count), !more.isEmpty else {
                caller = nil
                continue
            }
            bytes += more
            guard bytes.count == ExecdOrders.length else { continue }
            if let orders = ExecdOrders(parsing: bytes) {
                return FirstConnection(orders: orders, token: ConnectionToken(expected: bytes), socket: socket)
            }
            caller = nil
        }
    }

    private static func isEnd(_ signals: Descriptor) -> Bool {
        guard let bytes = try? signals.read(upTo: Int(CLINUX_SIGNAL_RECORD)), !bytes.isEmpty else { return false }
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } != UInt32(SIGCHLD)
    }
}
