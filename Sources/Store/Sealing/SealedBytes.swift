internal import Wire

/// Bytes sealed with AES-256-GCM, and the key's id.
///
/// Layout: format (1 byte, 1), nonce (12 bytes, random), ciphertext, tag (16 bytes). What the bytes belong to is
/// authenticated with them, so a sealed value that is moved to another row does not open there.
struct SealedBytes: Equatable, Sendable {
    var keyID: String
    var bytes: [UInt8]

    private static let format: UInt8 = 1

    /// As a column holds it.
    var text: String { Base64.encodeURLSafe(bytes) }

    static func framed(_ combined: [UInt8]) -> [UInt8] { [format] + combined }

    func combined() throws(StoreError) -> [UInt8] {
        guard bytes.first == Self.format else { throw StoreError(.corrupt, "a secret has an unknown format") }
        return Array(bytes.dropFirst())
    }

    static func context(_ keyID: String, _ owner: String) -> [UInt8] {
        Array("\(format)\n\(keyID)\n\(owner)".utf8)
    }
}
