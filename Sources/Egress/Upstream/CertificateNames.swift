internal import NIOSSL

/// Whether a certificate is for a name, by its DNS names alone.
///
/// NIOSSL also accepts a certificate for the address that was dialled. Whoever can bend a look-up to an own address for which
/// a public authority has certified them would then pass for any name.
enum CertificateNames {
    static func prove(_ certificate: NIOSSLCertificate, _ name: String) -> Bool {
        certificate._subjectAlternativeNames().contains { entry in
            entry.nameType == .dnsName && matches(Array(entry.contents), name)
        }
    }

    /// - Parameter pattern: as in the certificate; `*` may stand for the whole first label, of three at least.
    static func matches(_ pattern: [UInt8], _ name: String) -> Bool {
        guard let text = String(validating: pattern, as: UTF8.self)?.lowercased() else { return false }
        if text == name { return true }
        guard text.hasPrefix("*."), text.dropFirst(2).contains("."), let dot = name.firstIndex(of: ".") else {
            return false
        }
        return text.dropFirst() == name[dot...]
    }
}
