internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// One stream between a socket or a terminal inside and the worker, bounded both ways by credit.
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
    /// What is at the other end, when it is no socket.
    private let shell: AttachedShell?
    /// The gate's answer to what was asked in the program's name; nil once the program's own bytes pass.
    private var opening: TunnelReply?
    /// Whether the program understands a refusal in HTTP.
    private var speaksHTTP = false
    /// How the shell ended; its last output is still to be sent then.
    private var exitCode: Int32?

    /// Takes a connection that a program inside made to the proxy port.
    init(accepted socket: Descriptor, stream: UInt32) {
        self.socket = socket
        self.stream = stream
        shell = nil
    }

    /// Takes a connection that a program inside made to a name, and asks the gate for a tunnel in its place.
    init(accepted socket: Descriptor, to name: String, port: UInt16, stream: UInt32, _ connection: Connection) {
        self.socket = socket
        self.stream = stream
        shell = nil
        opening = TunnelReply()
        speaksHTTP = port == 80
        let request = TunnelReply.request(to: name, port: port)
        credit -= request.count
        connection.send(.open, on: stream)
        connection.send(.data(request), on: stream)
    }

    init(shell: AttachedShell, stream: UInt32) {
        socket = shell.stream
        self.stream = stream
        self.shell = shell
    }

    /// Starts connecting to a port inside.
    init(connectingTo port: UInt16, stream: UInt32) throws(SystemFailure) {
        self.stream = stream
        shell = nil
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
        guard let passed = withoutOpening(bytes) else {
            reset(.refused, connection)
            return true
        }
        toSocket.append(contentsOf: passed)
        if connectingTo == nil { writeOut(connection) }
        return true
    }

    /// What of the gate's bytes is for the program; nil when the gate has refused in words that it would not understand.
    private func withoutOpening(_ bytes: [UInt8]) -> [UInt8]? {
        guard var reply = opening else { return bytes }
        let outcome = reply.take(bytes)
        opening = reply
        switch outcome {
        case .more:
            returned += bytes.count
            return []
        case .open(let rest):
            opening = nil
            returned += bytes.count - rest.count
            return rest
        case .refused(let words):
            opening = nil
            return speaksHTTP ? words : nil
        }
    }

    /// - Returns: false when the credit goes beyond all sense.
    func grant(_ bytes: UInt32, _ connection: Connection) -> Bool {
        credit += Int(bytes)
        if exitCode != nil, credit > 0, !isFinished { readIn(connection) }
        return credit <= 1 << 30
    }

    func workerEnded(_ connection: Connection) {
        hasWorkerEnded = true
        if connectingTo == nil { writeOut(connection) }
    }

    /// Ends the stream without a word to the worker, which already knows.
    func drop() {
        isFinished = true
        if exitCode == nil { shell?.hangUp() }
    }

    func resize(_ columns: UInt16, _ rows: UInt16) { shell?.resize(columns, rows) }

    /// Looks whether the shell has ended, and says so after its last output.
    func checkShell(_ children: ChildTable, _ connection: Connection) {
        guard let shell, exitCode == nil, let status = children.takeStatus(of: shell.pid) else { return }
        exitCode = status.shellCode
        if hasReadAll { sendExit(connection) } else if credit > 0 { readIn(connection) }
    }

    private func sendExit(_ connection: Connection) {
        guard let exitCode, !isFinished else { return }
        connection.send(.exited(exitCode), on: stream)
        connection.send(.end, on: stream)
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
            guard !bytes.isEmpty else { return readToEnd(connection) }
            credit -= bytes.count
            connection.send(.data(bytes), on: stream)
            // After its shell's end nothing wakes us for what a terminal still holds.
            if exitCode != nil, credit > 0 { readIn(connection) }
        } catch {
            switch error.code {
            case EAGAIN: if exitCode != nil { sendExit(connection) }
            // A terminal that no program holds any more.
            case EIO where shell != nil: readToEnd(connection)
            default: reset(.brokenPipe, connection)
            }
        }
    }

    private func readToEnd(_ connection: Connection) {
        hasReadAll = true
        guard shell == nil else { return sendExit(connection) }
        connection.send(.end, on: stream)
        finishIfBothEnded()
    }

    private func writeOut(_ connection: Connection) {
        while !toSocket.isEmpty {
            let isTerminal = shell?.isTerminal ?? false
            let count = toSocket.withUnsafeBytes {
                isTerminal
                    ? write(socket.raw, $0.baseAddress, $0.count)
                    : send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { break }
                // A shell's end has its own word; what it did not read is lost.
                guard shell == nil else {
                    toSocket = []
                    break
                }
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
            // A terminal has no half: its programs would wait for ever.
            if shell?.isTerminal ?? false { shell?.hangUp() } else { shutdown(socket.raw, Int32(SHUT_WR)) }
        }
        finishIfBothEnded()
    }

    private func reset(_ reason: ResetReason, _ connection: Connection) {
        isFinished = true
        connection.send(.reset(reason), on: stream)
    }

    private func finishIfBothEnded() {
        if shell == nil, hasReadAll, hasShutDown { isFinished = true }
    }
}
