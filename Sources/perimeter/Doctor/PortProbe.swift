#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Tries to take a TCP port for a moment.
enum PortProbe {
    /// Why the port cannot be had; nil when it can, or when the name does not resolve without asking the network.
    static func problem(_ address: ListenAddress) -> String? {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let host = address.host == "localhost" ? "127.0.0.1" : address.host
        let status = getaddrinfo(host, String(address.port), &hints, &found)
        guard status == 0, let found else { return String(cString: gai_strerror(status)) }
        defer { freeaddrinfo(found) }
        // SAFETY: getaddrinfo succeeded, so `found` points to a list that lives until freeaddrinfo.
        let entry = found.pointee
        let descriptor = socket(entry.ai_family, entry.ai_socktype, entry.ai_protocol)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 else { return String(cString: strerror(errno)) }
        guard listen(descriptor, 1) == 0 else { return String(cString: strerror(errno)) }
        return nil
    }
}
