/// What programs read in order to trust a session's certificates, and the variables that lead them there. Pure.
struct TrustFiles {
    /// The system's certificates and the session's: OpenSSL, Python, curl, git, Go, Rust.
    private static let bundle = "ca-certificates.crt"
    /// The session's alone, for programs that add a file to what they trust anyway.
    private static let extra = "session.crt"
    private static let apt = "apt.conf"
    private static let java = "cacerts.jks"
    private static let bundleVariables = [
        "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE",
        "CARGO_HTTP_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    ]
    private static let extraVariables = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]
    static let javaOptions = "JAVA_TOOL_OPTIONS"

    var system: [UInt8]
    var session: CertificateList

    /// - Parameter folder: where they will lie.
    func files(in folder: String) -> [(name: String, bytes: [UInt8])] {
        let known = CertificateList(lenient: system)
        return [
            (Self.bundle, system + (system.isEmpty ? [] : [UInt8(ascii: "\n")]) + session.text),
            (Self.extra, session.text),
            (Self.apt, Array("Acquire::https::CaInfo \"\(folder)/\(Self.bundle)\";\n".utf8)),
            (Self.java, JavaTrustStore.bytes(of: known.encodings + session.encodings)),
        ]
    }

    static func variables(in folder: String) -> [String: String] {
        var variables: [String: String] = [:]
        for name in bundleVariables { variables[name] = "\(folder)/\(bundle)" }
        for name in extraVariables { variables[name] = "\(folder)/\(extra)" }
        variables["APT_CONFIG"] = "\(folder)/\(apt)"
        // Without a password the store is read unchecked, and any JVM takes it whatever its default type is.
        variables[javaOptions] = "-Djavax.net.ssl.trustStore=\(folder)/\(java) -Djavax.net.ssl.trustStoreType=JKS"
        return variables
    }
}
