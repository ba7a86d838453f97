import Testing

@testable import Egress

@Suite struct CertificateNamesTests {
    @Test(arguments: [
        ("example.com", "example.com", true), ("EXAMPLE.com", "example.com", true),
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "a.b.example.com", false), ("*.example.com", "example.com", false),
        ("*.com", "example.com", false),
        ("*", "example.com", false), ("a*.example.com", "ab.example.com", false), ("127.0.0.1", "localhost", false),
        ("example.com\0.evil.org", "example.com", false), ("", "example.com", false),
    ])
    func `a DNS name in a certificate proves only what it covers`(pattern: String, name: String, expected: Bool) {
        #expect(CertificateNames.matches(Array(pattern.utf8), name) == expected)
    }
}
