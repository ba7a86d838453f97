import CLinux
import Glibc
import Synchronization

@testable import Toolset

/// A proxy on a loopback port of the kernel's choice that answers connection after connection from a list.
final class ScriptedProxy: Sendable {
    /// What is sent, piece by piece; then the connection ends, or stays open and silent.
    struct Answer {
        var pieces: [[UInt8]]
        var staysOpen = false

        init(_ pieces: String..., staysOpen: Bool = false) {
            self.pieces = pieces.map { Array($0.utf8) }
            self.staysOpen = staysOpen
        }

        init(head: String, body: [UInt8]) {
            pieces = [Array((head + "\r\nContent-Length: \(body.count)\r\n\r\n").utf8), body]
        }
    }

    let port: UInt16
    private let requests = Mutex<[String]>([])

    init(_ answers: [Answer]) throws {
        let listener = try Descriptor(opened: clinux_listen_loopback(0), "listen")
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener.raw, $0, &size) }
        }
        guard code == 0 else { throw SystemFailure(errno, "getsockname") }
        port = UInt16(bigEndian: address.sin_port)
        _ = clinux_set_nonblocking(listener.raw, 0)
        // Holds every connection that stays open until the last one was answered and the object is gone.
        try PosixThread.start { [weak self] in
            var open: [Descriptor] = []
            for answer in answers {
                guard let socket = try? Descriptor(opened: accept(listener.raw, nil, nil), "accept") else { return }
                guard let request = Self.head(from: socket) else { return }
                self?.requests.withLock { $0.append(request) }
                for piece in answer.pieces { try? socket.write(piece) }
                if answer.staysOpen { open.append(socket) }
            }
            while let socket = open.popLast() { _ = try? socket.read(upTo: 1) }
        }
    }

    /// The heads of all requests so far.
    var seen: [String] { requests.withLock { $0 } }

    private static func head(from socket: Descriptor) -> String? {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard let piece = try? socket.read(upTo: 4096), !piece.isEmpty else { return nil }
            bytes += piece
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
