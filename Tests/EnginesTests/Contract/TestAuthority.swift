import TestSupport

@testable import Engines

/// A certificate authority, and a certificate of its for localhost, both made for one test.
struct TestAuthority {
    let certificate: String
    let server: String
    let serverKey: String

    static let name = "Perimeter test authority"

    init() throws {
        let folder = "/tmp/perimeter-authority-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        defer { HostView.removeTree(folder) }
        try HostProgram.run("/bin/bash", ["-c", Self.script, "authority", folder, Self.name])
        func text(_ name: String) throws -> String {
            guard let text = HostView.text("\(folder)/\(name)") else { throw HostView.Failure("no \(name)") }
            return text
        }
        certificate = try text("ca.pem")
        server = try text("server.pem")
        serverKey = try text("server.key")
    }

    private static let script = """
        set -e
        export PATH=/usr/bin:/bin
        mkdir -m 700 "$1"
        cd "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 \
            -subj "/CN=$2" -addext keyUsage=critical,keyCertSign
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=localhost
        printf 'subjectAltName=DNS:localhost\\nextendedKeyUsage=serverAuth\\n' > extensions
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem
        """
}
