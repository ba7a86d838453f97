internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// How the gate proves hosts of `https://` requests: with the host system's certificates, or given ones.
public final class UpstreamTLS: Sendable {
    private let context = Mutex<NIOSSLContext?>(nil)
    private let roots: [UInt8]?
    private let more: [UInt8]

    /// - Parameters:
    ///   - roots: certificates in PEM form to trust instead of the system's.
    ///   - more: certificates in PEM form to trust as well, such as those of an organisation.
    public init(roots: [UInt8]? = nil, more: [UInt8] = []) {
        self.roots = roots
        self.more = more
    }

    /// Made at the first use, for it reads all certificates of the system: off the caller's thread.
    func ready() async throws -> NIOSSLContext {
        if let known = context.withLock({ $0 }) { return known }
        return try await NIOThreadPool.singleton.runIfActive { [self] in
            try context.withLock { context in
                if let context { return context }
                var settings = TLSConfiguration.makeClientConfiguration()
                settings.applicationProtocols = ["http/1.1"]
                if let roots { settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(roots)) }
                if !more.isEmpty {
                    settings.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMBytes(more))]
                }
                let made = try NIOSSLContext(configuration: settings)
                context = made
                return made
            }
        }
    }

    /// The handler that speaks TLS to one host and checks its certificate.
    static func handler(_ context: NIOSSLContext, for host: HostName) throws -> NIOSSLClientHandler {
        switch host {
        case .name(let name):
            try NIOSSLClientHandler._makeSSLClientHandler(context: context, serverHostname: name) {
                certificate, channel in
                guard CertificateNames.prove(certificate, name) else {
                    return channel.eventLoop.makeFailedFuture(NIOSSLError.unableToValidateCertificate)
                }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        // An address is checked against the certificate's addresses, and is no server name.
        case .address: try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }
}
