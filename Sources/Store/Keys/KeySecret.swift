internal import Crypto

/// A bearer secret in the clear: shown once, stored as a hash, never printed by accident.
public struct KeySecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private let text: String

    public init(_ text: String) { self.text = text }

    /// A new secret: the prefix and 32 random bytes in URL-safe base64.
    public static func make(prefix: String) -> KeySecret {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let characters = (0..<43).map { _ in alphabet[Int.random(in: 0..<64, using: &generator)] }
        return KeySecret(prefix + String(decoding: characters, as: UTF8.self))
    }

    /// The text itself; call it only to hand it to its owner.
    public func reveal() -> String { text }

    /// SHA-256 in hexadecimal. Secrets have 256 random bits, so an unsalted hash gives nothing away.
    public var hash: String {
        let digits = Array("0123456789abcdef".utf8)
        let characters = SHA256.hash(data: Array(text.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: characters, as: UTF8.self)
    }

    var hint: String { String(text.prefix(13)) + "…" + String(text.suffix(4)) }
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
}
