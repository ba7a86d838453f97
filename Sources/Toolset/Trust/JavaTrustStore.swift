internal import ExecdProtocol

/// A Java key store of trusted certificates, in the format JKS, which every JVM reads.
///
/// `sun.security.provider.JavaKeyStore` states the format: a magic number, version 2, entries, and a SHA-1 digest over the password,
/// a constant and all that comes before.
enum JavaTrustStore {
    /// The password of all JVMs' own store. It guards nothing, and readers that give none skip the digest.
    private static let password = "changeit"

    static func bytes(of certificates: [[UInt8]]) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(UInt32(0xFEED_FEED))
        writer.put(UInt32(2))
        writer.put(UInt32(truncatingIfNeeded: certificates.count))
        for (index, certificate) in certificates.enumerated() {
            writer.put(UInt32(2))
            put("perimeter-\(index)", &writer)
            writer.put(UInt64(0))
            put("X.509", &writer)
            writer.put(certificate)
        }
        var digest = SHA1()
        digest.update(password.utf8.flatMap { [0, $0] } + Array("Mighty Aphrodite".utf8))
        digest.update(writer.bytes)
        return writer.bytes + digest.finish()
    }

    /// As `DataOutput.writeUTF` does it for ASCII.
    private static func put(_ text: String, _ writer: inout FieldWriter) {
        writer.put(UInt16(truncatingIfNeeded: text.utf8.count))
        writer.putRest(Array(text.utf8))
    }
}
