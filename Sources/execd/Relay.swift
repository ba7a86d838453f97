internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// One TCP stream between a socket inside and the worker, bounded both ways by credit.
final class Relay {
    private static let windowStep = ProtocolLimits.initialWindow / 4

    let stream: UInt32
    private var socket: Descriptor
    /// Set while a connection to a port inside is being made.
    private var connectingTo: UInt16?
    private var triedV6 = false
    /// Bytes that may still be sent to the worker.
    private var credit = ProtocolLimits.initialWindow
    /// Bytes that the worker may still send.
    private var allowance = ProtocolLimits.initialWindow
    private var toSocket: [UInt8] = []
    private var returned = 0
    private var hasReadAll = false
    private var hasWorkerEnded = false
    private var hasShutDown = false
    private(set) var isFinished = false

    /// Takes a connection that a program inside made to the proxy port.
    init(accepted socket: Descriptor, stream: UInt32) {
        self.socket = socket
        self.stream = stream
    }

    /// Starts connecting to a port inside.
    init(connectingTo port: UInt16, stream: UInt32) throws(SystemFailure) {
        self.stream = stream
        connectingTo = port
        let raw = clinux_connect_loopback(port, 0)
        triedV6 = raw < 0
        socket = try Descriptor(opened: raw >= 0 ? raw : clinux_connect_loopback(port, 1), "connect")
    }

    var descriptor: Int32 { socket.raw }

    /// What `poll` is to watch for; zero means leave the socket alone, also its errors.
    func interest(isConnectionBusy: Bool) -> Int16 {
        if connectingTo != nil { return Int16(POLLOUT) }
        var events: Int32 = 0
        if !hasReadAll, credit > 0, !isConnectionBusy { events |= POLLIN }
        if !toSocket.isEmpty { events |= POLLOUT }
        return Int16(events)
    }

    func isReady(_ events: Int32, to connection: Connection) {
        if connectingTo != nil { return finishConnecting(connection) }
        if events & (POLLOUT | POLLERR) != 0 { writeOut(connection) }
        if !isFinished, events & (POLLIN | POLLHUP | POLLERR) != 0, !hasReadAll, credit > 0 { readIn(connection) }
    }

    /// Takes bytes from the worker.
    /// - Returns: false when it sent more than it was allowed to.
    func receive(_ bytes: [UInt8], _ connection: Connection) -> Bool {
        guard !hasWorkerEnded, bytes.count <= allowance else { return false }
        allowance -= bytes.count
        toSocket.append(contentsOf: bytes)
        if connectingTo == nil { writeOut(connection) }
        return true
    }

    /// - Returns: false when the credit goes beyond all sense.
    func grant(_ bytes: UInt32) -> Bool {
        credit += Int(bytes)
        return credit <= 1 << 30
    }

    func workerEnded(_ connection: Connection) {
        hasWorkerEnded = true
        if connectingTo == nil { writeOut(connection) }
    }

    /// Ends the stream without a word to the worker, which already knows.
    func drop() {
        isFinished = true
    }

    private func finishConnecting(_ connection: Connection) {
        guard clinux_socket_error(socket.raw) == 0 else {
            guard let port = connectingTo, !triedV6 else { return reset(.refused, connection) }
            triedV6 = true
            let raw = clinux_connect_loopback(port, 1)
            guard raw >= 0 else { return reset(.refused, connection) }
            socket = Descriptor(raw)
            return
        }
        connectingTo = nil
        connection.send(.opened, on: stream)
        writeOut(connection)
    }

    private func readIn(_ connection: Connection) {
        do {
            let bytes = try socket.read(upTo: min(credit, 64 << 10))
            guard !bytes.isEmpty else {
                hasReadAll = true
                connection.send(.end, on: stream)
                return finishIfBothEnded()
            }
            credit -= bytes.count
            connection.send(.data(bytes), on: stream)
        } catch {
            if error.code != EAGAIN { reset(.brokenPipe, connection) }
        }
    }

    private func writeOut(_ connection: Connection) {
        while !toSocket.isEmpty {
            let count = toSocket.withUnsafeBytes {
                send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { break }
                return reset(.brokenPipe, connection)
            }
            toSocket.removeFirst(count)
            returned += count
        }
        if returned >= Self.windowStep || (toSocket.isEmpty && returned > 0), !hasWorkerEnded {
            allowance += returned
            connection.send(.window(UInt32(returned)), on: stream)
            returned = 0
        }
        if hasWorkerEnded, toSocket.isEmpty, !hasShutDown {
            hasShutDown = true
            shutdown(socket.raw, Int32(SHUT_WR))
        }
        finishIfBothEnded()
    }

    private func reset(_ reason: ResetReason, _ connection: Connection) {
        isFinished = true
        connection.send(.reset(reason), on: stream)
    }

    private func finishIfBothEnded() {
        if hasReadAll, hasShutDown { isFinished = true }
    }
}
