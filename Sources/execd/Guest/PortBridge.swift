internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// Carries bytes between the port to the host and the daemon, and finds what the host says to the first process itself.
///
/// The port is one stream for the machine's life: hosts come and go without the stream showing where one's part ends. A
/// secret marker begins each part (``MarkedMessage``), and what is left of the part before it is dropped on both sides.
final class PortBridge {
    private static let piece = 64 << 10

    private let port: Descriptor
    private let edges: Descriptor
    private var daemon: Descriptor?
    private var scanner = MarkedMessage(marker: GuestRequest.firstMarker)
    private var toPort: ArraySlice<UInt8> = []
    private var toDaemon: ArraySlice<UInt8> = []
    // What the port was when it was tried last: it is polled by its changes, since one without a host is always ready.
    private var isReadable = true
    private var isWritable = true

    init(port: Descriptor) throws(SystemFailure) {
        self.port = port
        edges = try Descriptor(opened: clinux_edges(port.raw), "epoll")
    }

    /// What every message of the host begins with from now on.
    func expect(_ token: [UInt8]) { scanner = MarkedMessage(marker: token) }

    func connect(_ daemon: Descriptor) {
        guard clinux_set_nonblocking(daemon.raw, 1) == 0 else { return }
        toDaemon = []
        self.daemon = daemon
    }

    func disconnect() {
        daemon = nil
        toDaemon = []
    }

    /// Takes the place of everything that was still to be sent: it was for another host.
    func reply(_ reply: GuestReply, to nonce: [UInt8]) {
        toPort = MarkedMessage.encode(marker: nonce, reply.payload)[...]
    }

    /// Carries all that can be carried now.
    func pump(_ answer: ([UInt8]) throws -> Void) throws {
        var isMoving = true
        while isMoving {
            isMoving = writeToPort()
            if writeToDaemon() { isMoving = true }
            if toDaemon.isEmpty, isReadable, try readPort(answer) { isMoving = true }
            if toPort.isEmpty, readDaemon() { isMoving = true }
        }
    }

    /// Waits until one of them can do something. - Returns: whether there are signals.
    static func wait(for bridges: [PortBridge], or signals: Descriptor) -> Bool {
        var watched = [pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0)] + bridges.flatMap(\.watched)
        guard poll(&watched, nfds_t(watched.count), -1) > 0 else { return false }
        for bridge in bridges { bridge.takeEdges() }
        return watched[0].revents != 0
    }

    private var watched: [pollfd] {
        var events: Int16 = 0
        if toPort.isEmpty { events |= Int16(POLLIN) }
        if !toDaemon.isEmpty { events |= Int16(POLLOUT) }
        return [
            pollfd(fd: edges.raw, events: Int16(POLLIN), revents: 0),
            // With nothing to ask for it is left out: its end would be reported again and again.
            pollfd(fd: events == 0 ? -1 : daemon?.raw ?? -1, events: events, revents: 0),
        ]
    }

    private func takeEdges() {
        guard clinux_take_edges(edges.raw) > 0 else { return }
        isReadable = true
        isWritable = true
    }

    private func readPort(_ answer: ([UInt8]) throws -> Void) throws -> Bool {
        let bytes: [UInt8]
        do { bytes = try port.read(upTo: Self.piece) } catch {
            isReadable = false
            guard error.code == EAGAIN else { throw error }
            return false
        }
        guard !bytes.isEmpty else {
            // The host hung up.
            isReadable = false
            disconnect()
            toPort = []
            return false
        }
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest
            for event in scanner.feed(piece, rest: &rest) {
                switch event {
                case .stray(let bytes): if daemon != nil { toDaemon += bytes }
                case .tooLong: disconnect()
                case .payload(let payload):
                    disconnect()
                    try answer(payload)
                }
            }
        }
        return true
    }

    private func readDaemon() -> Bool {
        guard let source = daemon else { return false }
        do {
            let bytes = try source.read(upTo: Self.piece)
            guard !bytes.isEmpty else {
                disconnect()
                return false
            }
            toPort = bytes[...]
            return true
        } catch {
            if error.code != EAGAIN { disconnect() }
            return false
        }
    }

    private func writeToPort() -> Bool {
        guard isWritable, !toPort.isEmpty else { return false }
        guard let count = Self.write(toPort, to: port) else {
            isWritable = false
            return false
        }
        toPort = toPort.dropFirst(count)
        return true
    }

    private func writeToDaemon() -> Bool {
        guard let daemon, !toDaemon.isEmpty else { return false }
        guard let count = Self.write(toDaemon, to: daemon) else {
            if errno != EAGAIN { disconnect() }
            return false
        }
        toDaemon = toDaemon.dropFirst(count)
        return true
    }

    /// - Returns: nil when nothing could be written.
    private static func write(_ bytes: ArraySlice<UInt8>, to target: Descriptor) -> Int? {
        let count = bytes.withUnsafeBytes { Glibc.write(target.raw, $0.baseAddress, $0.count) }
        return count > 0 ? count : nil
    }
}
