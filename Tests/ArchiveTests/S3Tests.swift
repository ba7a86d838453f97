import Testing
import Wire

@testable import Archive

@Suite struct S3Tests {
    /// The example "list objects" of the documentation of Signature Version 4.
    @Test func `a signature is what an independent implementation computes`() {
        let signature = S3Signature(
            region: "us-east-1", accessKey: "AKIAIOSFODNN7EXAMPLE",
            secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
        let headers = signature.headers(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/", query: "max-keys=2&prefix=J",
            payload: Digest.of([]), at: Timestamp("2013-05-24T00:00:00Z") ?? Timestamp(microseconds: 0))
        let authorization = headers.first { $0.name == "authorization" }?.value ?? ""
        #expect(
            authorization.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "))
        #expect(
            authorization.hasSuffix("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
    }

    @Test(arguments: [
        ("a b/ä", false, "a%20b%2F%C3%A4"), ("a/b~c-d_e.f", true, "a/b~c-d_e.f"), ("+=&", true, "%2B%3D%26"),
    ])
    func `paths and queries are encoded as the signature wants it`(text: String, keeping: Bool, expected: String) {
        #expect(S3Signature.encode(text, keepingSlashes: keeping) == expected)
    }

    @Test func `elements are found by name, whatever else is there`() {
        let text = "<L><Key>a&amp;b</Key><Key>c</Key><KeyCount>2</KeyCount><Key>open"
        #expect(S3Text.elements("Key", in: text) == ["a&b", "c"])
        #expect(S3Text.element("KeyCount", in: text) == "2")
        #expect(S3Text.element("Other", in: text) == nil)
        #expect(S3Text.elements("Key", in: "</Key><Key>").isEmpty)
        #expect(S3Text.element("Key", in: "<Key>&amp;lt;</Key>") == "&lt;")
    }

    @Test(arguments: [
        ("http://127.0.0.1:9000/", "bucket", true), ("https://s3.example.com", "my-bucket.1", true),
        ("ftp://s3.example.com", "bucket", false), ("https://", "bucket", false), ("https://a/b", "bucket", false),
        ("https://user@a", "bucket", false), ("https://a", "Bucket", false), ("https://a", "b/../c", false),
    ])
    func `an endpoint is a server and a bucket is a bucket`(endpoint: String, bucket: String, isTaken: Bool) {
        let settings = S3Settings(
            endpoint: endpoint, bucket: bucket, region: "us-east-1", accessKey: "key", secretKey: Secret("s"))
        #expect((settings != nil) == isTaken)
    }

    @Test(arguments: [
        ("https://a:443", "a"), ("http://a:80", "a"), ("http://a:443", "a:443"), ("https://a:9000", "a:9000"),
    ])
    func `the host is signed as clients send it`(endpoint: String, host: String) {
        let settings = S3Settings(
            endpoint: endpoint, bucket: "bucket", region: "r", accessKey: "key", secretKey: Secret("s"))
        #expect(settings?.host == host)
    }
}
