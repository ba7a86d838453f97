internal import Crypto
internal import Wire

/// AWS Signature Version 4 for one request of S3.
struct S3Signature: Sendable {
    let region: String
    let accessKey: String
    let secretKey: Secret

    private static let algorithm = "AWS4-HMAC-SHA256"

    /// The headers to add beside `host`.
    /// - Parameters:
    ///   - path: percent-encoded as it is sent.
    ///   - query: percent-encoded, sorted by name.
    ///   - payload: SHA-256 of the body, in hexadecimal.
    func headers(
        method: String, host: String, path: String, query: String, payload: String, at now: Timestamp
    ) -> [(name: String, value: String)] {
        let time = Self.compact(now)
        let scope = "\(time.prefix(8))/\(region)/s3/aws4_request"
        let signed = "host;x-amz-content-sha256;x-amz-date"
        let request = """
            \(method)
            \(path)
            \(query)
            host:\(host)
            x-amz-content-sha256:\(payload)
            x-amz-date:\(time)

            \(signed)
            \(payload)
            """
        let text = "\(Self.algorithm)\n\(time)\n\(scope)\n\(Digest.of(Array(request.utf8)))"
        var key = SymmetricKey(data: Array("AWS4\(secretKey.reveal())".utf8))
        for part in [String(time.prefix(8)), region, "s3", "aws4_request"] {
            key = SymmetricKey(data: Self.authenticate(part, key))
        }
        let signature = Digest.hexadecimal(Self.authenticate(text, key))
        return [
            ("x-amz-content-sha256", payload), ("x-amz-date", time),
            (
                "authorization",
                "\(Self.algorithm) Credential=\(accessKey)/\(scope), SignedHeaders=\(signed), Signature=\(signature)"
            ),
        ]
    }

    private static func authenticate(_ text: String, _ key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    /// `20261031T120000Z`.
    private static func compact(_ time: Timestamp) -> String {
        String(time.description.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
    }

    /// Everything but unreserved characters is encoded (RFC 3986), as the signature wants it.
    static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x2F where keepingSlashes: encoded += "/"
            default: encoded += "%" + Digest.hexadecimal([byte]).uppercased()
            }
        }
        return encoded
    }
}
