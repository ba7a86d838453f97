internal import CLinux
internal import Glibc
internal import Wire

/// A connection to QEMU's control socket, for one user at a time. Calls block until the deadline.
final class QMPConnection {
    private static let lineLimit = 1 << 20

    private let socket: Int32
    private let deadline: ContinuousClock.Instant
    private var buffer: [UInt8] = []

    init(socket path: String, until deadline: ContinuousClock.Instant) throws(SystemError) {
        socket = clinux_connect_unix(path)
        self.deadline = deadline
        guard socket >= 0 else { throw SystemError("connect to \(path)") }
        _ = clinux_set_nonblocking(socket, 1)
        guard try next() == .greeting else { throw Self.nonsense }
        _ = try execute("qmp_capabilities")
    }

    deinit { if socket >= 0 { close(socket) } }

    /// Runs a command and gives its result.
    /// - Parameter descriptor: goes with the command.
    func execute(_ command: String, _ arguments: JSON.Object = [:], descriptor: Int32? = nil) throws(SystemError)
        -> JSON
    {
        let text: JSON = ["execute": JSON(command), "arguments": .object(arguments)]
        try send(Array(text.text.utf8) + [0x0A], descriptor)
        while true {
            switch try next() {
            case .result(let result): return result
            case .failure(let reason): throw SystemError("QEMU refuses \(command): \(reason)", code: EIO)
            case .event, .greeting: continue
            }
        }
    }

    private func send(_ bytes: [UInt8], _ descriptor: Int32?) throws(SystemError) {
        var rest = bytes[...]
        var descriptor = descriptor
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                if let descriptor {
                    return Int(clinux_send_descriptor(socket, bytes.baseAddress, UInt64(bytes.count), descriptor))
                }
                return Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL)))
            }
            if count > 0 {
                descriptor = nil
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                try SocketWait.until(deadline, socket, POLLOUT)
            } else {
                throw SystemError("speak to QEMU")
            }
        }
    }

    private func next() throws(SystemError) -> QMPReply {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                defer { buffer.removeSubrange(...end) }
                guard let reply = QMPReply(parsing: buffer[..<end]) else { throw Self.nonsense }
                return reply
            }
            guard buffer.count <= Self.lineLimit else { throw Self.nonsense }
            guard let bytes = try SocketWait.read(socket, until: deadline) else {
                throw SystemError("QEMU ended", code: ECONNRESET)
            }
            buffer += bytes
        }
    }

    private static var nonsense: SystemError { SystemError("QEMU says what its protocol does not allow", code: EPROTO) }
}
