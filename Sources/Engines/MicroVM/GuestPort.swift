internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Sandbox

/// Speaks to the first process of a guest through its port. Calls block until the deadline.
enum GuestPort {
    /// Bytes that earlier holders of the port may have left in it.
    private static let strayLimit = 64 << 20

    /// How long the first connection waits for an answer; each further one waits twice as long.
    private static let firstPatience = Duration.milliseconds(250)

    /// Asks, and waits for the answer. Where none comes it asks again over a new connection: what a guest says just as a holder
    /// hangs up makes QEMU (7.2) hold back all that it says to the next one, until that one hangs up too.
    /// - Parameter token: nil for a machine that has none yet.
    /// - Returns: the connection, which belongs to the daemon from here on where the request says so; the caller closes it.
    static func ask(
        _ request: GuestRequest, token: ExecdToken?, at path: String, until deadline: ContinuousClock.Instant
    ) throws(SystemError) -> Int32 {
        // A machine that starts has had no holder before, and starts once.
        if case .start = request { return try askOnce(request, token, path, deadline) }
        var patience = firstPatience
        while .now + patience < deadline {
            do throws(SystemError) {
                return try askOnce(request, token, path, .now + patience)
            } catch {
                guard error.code == ETIMEDOUT else { throw error }
            }
            patience *= 2
        }
        return try askOnce(request, token, path, deadline)
    }

    private static func askOnce(
        _ request: GuestRequest, _ token: ExecdToken?, _ path: String, _ deadline: ContinuousClock.Instant
    ) throws(SystemError) -> Int32 {
        let socket = try send(request, token, path, deadline)
        do throws(SystemError) {
            try receive(socket.nonce, on: socket.descriptor, deadline)
            return socket.descriptor
        } catch {
            close(socket.descriptor)
            throw error
        }
    }

    /// Asks a machine to end, and waits until its monitor hangs up.
    static func end(token: ExecdToken, at path: String, until deadline: ContinuousClock.Instant) throws(SystemError) {
        let socket = try send(.end, token, path, deadline)
        defer { close(socket.descriptor) }
        while try SocketWait.read(socket.descriptor, until: deadline) != nil {}
    }

    /// What a machine has to be told when it goes on.
    static func moment() -> GuestMoment {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return GuestMoment(
            clock: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec), seed: random(GuestMoment.seedLength))
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    private static func send(
        _ request: GuestRequest, _ token: ExecdToken?, _ path: String, _ deadline: ContinuousClock.Instant
    ) throws(SystemError) -> (descriptor: Int32, nonce: [UInt8]) {
        let nonce = random(GuestReply.nonceLength)
        let marker = token.map { Array($0.exposed.utf8) } ?? GuestRequest.firstMarker
        var rest = MarkedMessage.encode(marker: marker, request.payload(nonce: nonce))[...]
        let socket = clinux_connect_unix(path)
        guard socket >= 0 else { throw SystemError("connect to \(path)") }
        _ = clinux_set_nonblocking(socket, 1)
        do throws(SystemError) {
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, noSignal) }
                if count < 0, errno == EAGAIN || errno == EINTR {
                    try SocketWait.until(deadline, socket, POLLOUT)
                    continue
                }
                guard count > 0 else { throw SystemError("speak to the guest") }
                rest = rest.dropFirst(count)
            }
        } catch {
            close(socket)
            throw error
        }
        return (socket, nonce)
    }

    private static let noSignal = Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL))

    private static func receive(
        _ nonce: [UInt8], on socket: Int32, _ deadline: ContinuousClock.Instant
    ) throws(SystemError) {
        var scanner = MarkedMessage(marker: nonce)
        var strays = 0
        while true {
            guard let bytes = try SocketWait.read(socket, until: deadline) else {
                throw SystemError("the machine ended", code: ECONNRESET)
            }
            var rest: [UInt8] = []
            for event in scanner.feed(bytes, rest: &rest) {
                switch event {
                case .stray(let bytes): strays += bytes.count
                case .tooLong: throw nonsense
                case .payload(let payload):
                    // The daemon speaks only when it has been greeted.
                    guard rest.isEmpty, let reply = try? GuestReply(parsing: payload) else { throw nonsense }
                    guard let failure = reply.failure else { return }
                    throw SystemError("the guest refuses: \(failure.prefix(200))", code: EIO)
                }
            }
            guard strays <= strayLimit else { throw nonsense }
        }
    }

    private static var nonsense: SystemError { SystemError("the guest says what it may not", code: EPROTO) }
}
