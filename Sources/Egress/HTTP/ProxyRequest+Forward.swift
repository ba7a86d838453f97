extension ProxyRequest {
    /// Fields that end at a proxy (RFC 9110 §7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "proxy-connection", "proxy-authorization", "proxy-authenticate", "keep-alive", "te", "upgrade",
        "http2-settings", "host",
    ]

    /// The head as the host is to see it: in origin form, for one request only.
    var forwardedHead: [UInt8] {
        let named = fields.filter { $0.isNamed("connection") }
            .flatMap { $0.value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init) }
        // A field that `Connection` names must not take the framing away that was checked.
        let dropped = Self.hopByHop.union(named).subtracting(["content-length", "transfer-encoding"])
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        for field in fields where !dropped.contains(field.name.lowercased()) {
            text += "\(field.name): \(field.value)\r\n"
        }
        text += asksForWebSocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" : "Connection: close\r\n\r\n"
        return Array(text.utf8)
    }

    /// The host as its `Host` field names it.
    private var authority: String {
        switch form {
        case .forward(let isSecure) where port == (isSecure ? 443 : 80): "\(host)"
        default: "\(host):\(port)"
        }
    }
}
