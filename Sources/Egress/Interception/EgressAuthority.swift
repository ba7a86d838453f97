internal import Crypto
internal import FoundationEssentials
internal import NIOSSL
internal import SwiftASN1
internal import Synchronization
internal import X509

/// The certificate authority of one environment: what its sandboxes trust for the hosts whose requests the gate reads.
///
/// Its key never enters a sandbox. A certificate that it signs is good for a server alone, and for a day.
public final class EgressAuthority: Sendable {
    private struct Leaf {
        var context: NIOSSLContext
        var end: Date
        var use: UInt64
    }
    private struct Leaves {
        var known: [HostName: Leaf] = [:]
        var uses: UInt64 = 0
    }
    private static let maximumLeaves = 256
    private static let leafLife: TimeInterval = 86_400
    /// Programs in sandboxes and this host may not agree on the time.
    private static let clockSkew: TimeInterval = 3600

    private let certificate: Certificate
    private let key: P256.Signing.PrivateKey
    private let leafKey = P256.Signing.PrivateKey()
    private let leaves = Mutex(Leaves())
    /// What sandboxes are told to trust, in PEM form.
    public let certificatePEM: String

    private init(_ certificate: Certificate, _ key: P256.Signing.PrivateKey) throws {
        self.certificate = certificate
        self.key = key
        certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
    }

    /// A new authority, valid for two years.
    /// - Parameter name: shown to who looks at a certificate: the environment's id.
    static func create(name: String, now: Date = Date()) throws -> EgressAuthority {
        let key = P256.Signing.PrivateKey()
        let subject = try DistinguishedName {
            CommonName("Perimeter egress \(name)")
            OrganizationName("Perimeter")
        }
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: now - clockSkew, notValidAfter: now + 2 * 365 * 86_400, issuer: subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        return try EgressAuthority(certificate, key)
    }

    /// What ``pem`` wrote; nil for one that ends within a month, so that no sandbox outlives it.
    convenience init?(pem: String, now: Date = Date()) throws {
        let documents = try PEMDocument.parseMultiple(pemString: pem)
        guard documents.count == 2 else { throw EgressAuthorityError.notAnAuthority }
        let certificate = try Certificate(pemDocument: documents[0])
        let key = try P256.Signing.PrivateKey(derRepresentation: documents[1].derBytes)
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw EgressAuthorityError.notAnAuthority
        }
        guard certificate.notValidAfter > now + 30 * 86_400 else { return nil }
        try self.init(certificate, key)
    }

    /// Certificate and key, for a file that nobody else reads.
    var pem: String { certificatePEM + key.pemRepresentation + "\n" }

    /// What the gate shows for a host. Signing costs about 0.2 ms, once for a host and a day.
    func serverContext(for host: HostName, now: Date = Date()) throws -> NIOSSLContext {
        let known = leaves.withLock { leaves -> NIOSSLContext? in
            guard var leaf = leaves.known[host], leaf.end > now + Self.clockSkew else { return nil }
            leaves.uses += 1
            leaf.use = leaves.uses
            leaves.known[host] = leaf
            return leaf.context
        }
        if let known { return known }
        let end = now + Self.leafLife
        let context = try makeContext(try leaf(for: host, from: now - Self.clockSkew, to: end))
        leaves.withLock { leaves in
            if leaves.known.count >= Self.maximumLeaves,
                let oldest = leaves.known.min(by: { $0.value.use < $1.value.use })
            {
                leaves.known[oldest.key] = nil
            }
            leaves.uses += 1
            leaves.known[host] = Leaf(context: context, end: end, use: leaves.uses)
        }
        return context
    }

    /// A certificate for a host, in PEM form.
    func leafPEM(for host: HostName, now: Date = Date()) throws -> String {
        try leaf(for: host, from: now - Self.clockSkew, to: now + Self.leafLife).serializeAsPEM().pemString
    }

    private func leaf(for host: HostName, from begin: Date, to end: Date) throws -> Certificate {
        let publicKey = Certificate.PublicKey(leafKey.publicKey)
        let name: GeneralName
        switch host {
        case .name(let text): name = .dnsName(text)
        case .address(.v4(let bits)):
            name = .ipAddress(ASN1OctetString(contentBytes: Self.bytes(bits)[...]))
        case .address(.v6(let bits)):
            name = .ipAddress(ASN1OctetString(contentBytes: Self.bytes(bits)[...]))
        }
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey, notValidBefore: begin,
            notValidAfter: end, issuer: certificate.subject,
            // A common name holds 64 characters at most, and nobody reads it for servers any more.
            subject: try DistinguishedName { CommonName(String("\(host)".prefix(64))) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames([name])
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
    }

    private func makeContext(_ leaf: Certificate) throws -> NIOSSLContext {
        func source(_ certificate: Certificate) throws -> NIOSSLCertificateSource {
            .certificate(try NIOSSLCertificate(bytes: certificate.serializeAsPEM().derBytes, format: .der))
        }
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: [try source(leaf), try source(certificate)],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(leafKey.derRepresentation), format: .der)))
        // What is read here is HTTP/1.1 alone.
        settings.applicationProtocols = ["http/1.1"]
        settings.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: settings)
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}

/// Why a file does not hold an authority.
enum EgressAuthorityError: Error {
    case notAnAuthority
}
