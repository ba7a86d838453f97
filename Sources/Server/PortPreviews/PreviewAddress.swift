/// The addresses under which ports of sandboxes are shown: `https://*.preview.example.com`, the star being the secret. Pure.
struct PreviewAddress: Sendable {
    private let before: String
    /// The host's part after the secret, with its dot, and what follows it.
    private let after: String
    private let suffix: String

    static let tokenLength = 32

    /// Nil for text that is no such pattern.
    init?(_ pattern: String) {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "http://" || parts[0] == "https://", parts[1].hasPrefix("."),
            !parts[1].contains("/")
        else { return nil }
        before = String(parts[0])
        after = String(parts[1])
        suffix = String(parts[1].prefix { $0 != ":" }).lowercased()
        guard suffix.count > 1 else { return nil }
    }

    /// Below localhost, which browsers resolve to the own machine (RFC 6761 §6.3).
    init(localPort port: Int) {
        before = "http://"
        suffix = ".preview.localhost"
        after = "\(suffix):\(port)"
    }

    /// A new secret: 160 random bits in base32, which a host name can carry.
    static func makeToken() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        return String(
            decoding: (0..<tokenLength).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }, as: UTF8.self)
    }

    func url(_ token: String) -> String { before + token + after + "/" }

    /// The secret in a request's authority; nil when the request is not for a preview. A wrong one is given as it is.
    func token(in authority: String) -> String? {
        let host = authority.prefix { $0 != ":" }.lowercased()
        guard host.hasSuffix(suffix) else { return nil }
        return String(host.dropLast(suffix.count))
    }
}
