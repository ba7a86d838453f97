extension ProxyRequest {
    /// Fields that end at a proxy (RFC 9110 §7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "proxy-connection", "proxy-authorization", "proxy-authenticate", "keep-alive", "te", "upgrade",
        "http2-settings", "host",
    ]

    /// The head as the host is to see it: in origin form, and for one request only unless it is to keep its connection.
    var forwardedHead: [UInt8] {
        // A field that `Connection` names must not take the framing away that was checked.
        let dropped = Self.hopByHop.union(connectionOptions).subtracting(["content-length", "transfer-encoding"])
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        for field in fields where !dropped.contains(field.name.lowercased()) {
            text += "\(field.name): \(field.value)\r\n"
        }
        if asksForWebSocket {
            text += "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        } else if !keepsHost {
            text += "Connection: close\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    /// The host as its `Host` field names it.
    private var authority: String {
        switch form {
        case .forward(let isSecure) where port == (isSecure ? 443 : 80): "\(host)"
        default: "\(host):\(port)"
        }
    }
}
