import CLinux
import Glibc

/// A port of the host that sandboxes must not reach.
final class LoopbackListener: Sendable {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        for _ in 0..<100 {
            // Below the range from which the system gives ports away.
            let port = UInt16.random(in: 10_000..<32_000)
            let descriptor = clinux_listen_loopback(port)
            guard descriptor >= 0 else { continue }
            self.descriptor = descriptor
            self.port = port
            return
        }
        throw NamespaceRig.Failure("listen")
    }

    deinit { close(descriptor) }
}

/// A unix socket in the abstract name space of the host's network.
final class AbstractListener: Sendable {
    private let descriptor: Int32

    init(name: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw NamespaceRig.Failure("socket") }
        self.descriptor = descriptor
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [0] + Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let isBound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
        }
        guard isBound, listen(descriptor, 4) == 0 else { throw NamespaceRig.Failure("bind") }
    }

    deinit { close(descriptor) }
}
