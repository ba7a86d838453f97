internal import Glibc

/// The certificates that a system trusts, as one PEM file.
enum SystemBundle {
    /// Debian, Fedora, SUSE, RHEL, Alpine, in the order in which Go looks for them (crypto/x509/root_linux.go).
    private static let places = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]
    private static let limit = 4 << 20

    /// - Parameter preferred: where the image says that its bundle is.
    /// - Returns: the first that can be read; empty when there is none.
    static func read(preferred: String?) -> [UInt8] {
        for path in (preferred.map { [$0] } ?? []) + places {
            // A pipe in its place must not stop the daemon.
            let raw = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            guard raw >= 0 else { continue }
            let file = Descriptor(raw)
            guard let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG,
                let bytes = try? file.readAll(limit: limit), !bytes.isEmpty, bytes.count <= limit
            else { continue }
            return bytes
        }
        return []
    }
}
