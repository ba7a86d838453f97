/// The head of a request to the gate (RFC 9112), hostile until parsed here. What a server could read differently is refused.
struct ProxyRequest: Equatable, Sendable {
    /// How the bytes after the head are treated.
    enum Form: Equatable, Sendable {
        /// `CONNECT`: bytes pass as they are.
        case tunnel
        /// A request in absolute form, or within a tunnel; with `isSecure` the gate itself speaks TLS to the host.
        case forward(isSecure: Bool)
    }

    /// Where a tunnel leads whose requests the gate reads.
    struct Tunnel: Equatable, Sendable {
        var host: HostName
        var port: Int
        var isSecure: Bool
    }

    /// Bytes of a head, its empty line included.
    static let maximumHead = 32 << 10
    private static let maximumFields = 256

    var form: Form
    var method: String
    var host: HostName
    var port: Int
    /// In origin form; empty for a tunnel.
    var path: String
    var fields: [HeaderField]
    var body: BodyFraming
    /// Whether the program wants to send another one on its connection.
    var wantsMore = false
    /// Whether the host is asked to leave its connection open.
    var keepsHost = false

    init(tunnelTo host: HostName, port: Int) {
        (form, method, path, fields, body) = (.tunnel, "CONNECT", "", [], .none)
        (self.host, self.port) = (host, port)
    }

    /// Finds the end of the head.
    /// - Parameter searched: bytes that an earlier call has looked at.
    /// - Returns: the number of the head's bytes, nil while it is incomplete.
    static func headLength(_ bytes: [UInt8], searched: Int = 0) throws(ProxyRequestError) -> Int? {
        var index = max(3, searched)
        while index < min(bytes.count, maximumHead) {
            if bytes[index] == 0x0A, bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D {
                return index + 1
            }
            index += 1
        }
        guard bytes.count < maximumHead else { throw .tooLong }
        return nil
    }

    /// - Parameters:
    ///   - head: up to and including the empty line.
    ///   - tunnel: where the request was read from; it must be for the host that the tunnel was opened to.
    init(parsing head: [UInt8], within tunnel: Tunnel? = nil) throws(ProxyRequestError) {
        guard head.count <= Self.maximumHead else { throw .tooLong }
        guard head.count >= 4, head.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A]) else {
            throw .malformed("its head has no end")
        }
        var lines = try Self.lines(head.dropLast(4))
        guard let first = lines.popFirst() else { throw .malformed("it is empty") }
        let parts = first.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, HeaderField.isToken(parts[0].utf8), !parts[1].isEmpty else {
            throw .malformed("its first line is not 'METHOD TARGET HTTP/1.1'")
        }
        guard parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else {
            throw .malformed("its version is not HTTP/1.1 or HTTP/1.0")
        }
        guard parts[1].utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .malformed("its target has characters outside ASCII")
        }
        guard lines.count <= Self.maximumFields else { throw .tooLong }
        fields = []
        for line in lines { fields.append(try HeaderField(parsing: line)) }
        method = String(parts[0])
        body = try BodyFraming(fields)
        wantsMore = parts[2] == "HTTP/1.1" && !Self.connectionOptions(fields).contains("close")
        if let tunnel {
            (form, host, port) = (.forward(isSecure: tunnel.isSecure), tunnel.host, tunnel.port)
            path = String(parts[1].prefix { $0 != "#" })
            guard method != "CONNECT", path.hasPrefix("/") else {
                throw .malformed("inside a tunnel its target is a path that starts with '/'")
            }
            try checkHost(of: tunnel)
        } else if method == "CONNECT" {
            form = .tunnel
            (host, port) = try Self.authority(parts[1], defaultPort: nil)
            path = ""
            guard body == .none else { throw .malformed("a CONNECT has no body") }
        } else {
            let (isSecure, rest) = try Self.scheme(parts[1])
            form = .forward(isSecure: isSecure)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
            (host, port) = try Self.authority(rest[..<end], defaultPort: isSecure ? 443 : 80)
            let target = rest[end...].prefix { $0 != "#" }
            path = target.hasPrefix("/") ? String(target) : "/" + target
        }
    }

    /// A tunnel to one host must not become a way to another one that shares its address.
    private func checkHost(of tunnel: Tunnel) throws(ProxyRequestError) {
        let named = fields.filter { $0.isNamed("host") }
        guard named.count <= 1 else { throw .malformed("it has more than one Host field") }
        guard let field = named.first else { return }
        let (host, port) = try Self.authority(field.value[...], defaultPort: tunnel.isSecure ? 443 : 80)
        guard host == tunnel.host, port == tunnel.port else {
            throw .malformed("its Host field names another host than the tunnel, \(tunnel.host):\(tunnel.port)")
        }
    }

    /// What its `Connection` fields name, in lower case.
    var connectionOptions: [String] { Self.connectionOptions(fields) }

    private static func connectionOptions(_ fields: [HeaderField]) -> [String] {
        fields.filter { $0.isNamed("connection") }
            .flatMap { $0.value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init) }
    }

    /// Whether it asks to speak WebSocket from here on (RFC 6455 §4.1).
    var asksForWebSocket: Bool {
        method == "GET" && body == .none
            && fields.contains { $0.isNamed("upgrade") && $0.value.lowercased() == "websocket" }
    }

    /// Whether its body cannot be read without being decoded first.
    var hasEncodedBody: Bool {
        body != .none && fields.contains { $0.isNamed("content-encoding") && $0.value.lowercased() != "identity" }
    }

    /// Splits at CR LF; a lone one of them could make the host read another request than the one that was checked.
    private static func lines(_ head: ArraySlice<UInt8>) throws(ProxyRequestError) -> ArraySlice<Substring> {
        for (index, byte) in zip(head.indices, head) {
            let isPaired =
                switch byte {
                case 0x0D: index + 1 < head.endIndex && head[index + 1] == 0x0A
                case 0x0A: index > head.startIndex && head[index - 1] == 0x0D
                default: byte >= 0x20 && byte != 0x7F || byte == 0x09
                }
            guard isPaired else { throw .malformed("its head has control characters") }
        }
        guard let text = String(validating: head, as: UTF8.self) else { throw .malformed("its head is not UTF-8") }
        // CR LF is one `Character`.
        return text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
    }

    private static func scheme(_ target: Substring) throws(ProxyRequestError) -> (isSecure: Bool, rest: Substring) {
        guard let colon = target.firstIndex(of: ":"), target[colon...].hasPrefix("://") else {
            throw .malformed("its target is not an address that starts with http:// or https://")
        }
        let rest = target[target.index(colon, offsetBy: 3)...]
        switch target[..<colon].lowercased() {
        case "http": return (false, rest)
        case "https": return (true, rest)
        default: throw .malformed("only http:// and https:// addresses are carried")
        }
    }

    private static func authority(
        _ text: Substring, defaultPort: Int?
    ) throws(ProxyRequestError) -> (HostName, Int) {
        // A user name in front of `@` makes an address look like another host's.
        guard !text.utf8.contains(UInt8(ascii: "@")) else { throw .malformed("its address has a user name in it") }
        var name = text
        var port = defaultPort
        if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
            name = text[..<colon]
            guard let number = EgressRule.port(text[text.index(after: colon)...]) else {
                throw .malformed("its port is not a number from 1 to 65535")
            }
            port = number
        }
        guard let port else { throw .malformed("a CONNECT names a host and a port") }
        guard let host = HostName(name) else { throw .malformed("its host is not a name or an address") }
        return (host, port)
    }
}
