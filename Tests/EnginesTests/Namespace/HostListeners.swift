import CLinux
import Glibc

/// A port of the host that sandboxes must not reach.
final class LoopbackListener: Sendable {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = clinux_listen_loopback(0)
        guard descriptor >= 0 else { throw NamespaceRig.Failure("listen") }
        self.descriptor = descriptor
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        guard isNamed else { throw NamespaceRig.Failure("getsockname") }
        port = UInt16(bigEndian: address.sin_port)
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
