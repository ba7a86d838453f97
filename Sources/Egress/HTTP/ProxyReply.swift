/// An answer of the gate itself.
struct ProxyReply: Equatable, Sendable {
    enum Status: String, Sendable {
        case badRequest = "400 Bad Request"
        case forbidden = "403 Forbidden"
        case headTooLarge = "431 Request Header Fields Too Large"
        case badGateway = "502 Bad Gateway"
        case unavailable = "503 Service Unavailable"
        case timedOut = "504 Gateway Timeout"
    }
    var status: Status
    /// For people and models to read: one sentence.
    var sentence: String

    static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let tunnelIsOpen = Array("HTTP/1.1 200 Connection Established\r\n\r\n".utf8)

    var bytes: [UInt8] {
        let body = sentence + "\n"
        let head =
            "HTTP/1.1 \(status.rawValue)\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        return Array((head + body).utf8)
    }
}
