internal import Crypto
public import Wire

/// The operator's key under which secrets are sealed at rest. It never enters the database.
public struct MasterKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Names the key without telling anything about it: stored beside what it sealed.
    public let id: String
    let sealing: SymmetricKey

    /// The fewest characters that a key may have: enough for 128 random bits in hexadecimal.
    public static let minimumLength = 32

    /// - Returns: nil for a text that is too short to be a key.
    public init?(_ text: Secret) {
        let bytes = Array(text.reveal().utf8)
        guard bytes.count >= Self.minimumLength else { return nil }
        let master = SymmetricKey(data: bytes)
        // One key per purpose, and a name from which the key cannot be guessed (RFC 5869).
        sealing = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: master, info: Array("perimeter vault secrets v1".utf8), outputByteCount: 32)
        let name = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: master, info: Array("perimeter master key id v1".utf8), outputByteCount: 8)
        id = name.withUnsafeBytes { bytes in
            let digits = Array("0123456789abcdef".utf8)
            return String(
                decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        }
    }

    public var description: String { "MasterKey(\(id))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
