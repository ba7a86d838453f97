public import Wire

/// Where a bucket is, and the key to it.
public struct S3Settings: Sendable {
    /// Scheme, host and perhaps a port, without a slash at the end.
    public var endpoint: String
    public var bucket: String
    public var region: String
    public var accessKey: String
    public var secretKey: Secret
    /// Objects beyond this are sent in parts of this many bytes, or more where there would be too many parts.
    public var partSize: Int

    /// Nil for an endpoint that is no address of a server, or a name that no bucket has.
    public init?(
        endpoint: String, bucket: String, region: String, accessKey: String, secretKey: Secret, partSize: Int = 16 << 20
    ) {
        var endpoint = endpoint[...]
        while endpoint.last == "/" { endpoint.removeLast() }
        let host = endpoint.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard host.count == 2, host[0] == "https" || host[0] == "http", !host[1].isEmpty,
            host[1].utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2F && $0 != 0x40 && $0 != 0x3F }),
            (3...63).contains(bucket.utf8.count),
            bucket.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
            }), !region.isEmpty, region.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2F }),
            !accessKey.isEmpty, accessKey.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2F && $0 != 0x2C })
        else { return nil }
        self.endpoint = String(endpoint)
        self.bucket = bucket
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.partSize = partSize
    }

    /// As the `host` header has it: default ports are left out by clients.
    var host: String {
        let host = String(endpoint.drop { $0 != ":" }.dropFirst(3))
        if endpoint.hasPrefix("https:"), host.hasSuffix(":443") { return String(host.dropLast(4)) }
        if endpoint.hasPrefix("http:"), host.hasSuffix(":80") { return String(host.dropLast(3)) }
        return host
    }
}
