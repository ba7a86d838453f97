/// Where the API is served: a host or address and a port.
struct ListenAddress: Equatable, Sendable, CustomStringConvertible {
    var host: String
    /// 0 asks for a free port.
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, `[::1]:port`, `:port` (every address) and `port` (loopback); nil for anything else.
    init?(_ text: String) {
        if let port = Int(text), (0...65_535).contains(port) {
            self.init(host: "127.0.0.1", port: port)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard host.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "/" }) else { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    /// An address at which this host reaches itself.
    func loopbackURL(port actual: Int? = nil) -> String {
        let everywhere = ["0.0.0.0": "127.0.0.1", "::": "::1"]
        return "http://\(ListenAddress(host: everywhere[host] ?? host, port: actual ?? port))"
    }
}
