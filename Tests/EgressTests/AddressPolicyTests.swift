import Egress
import TestSupport
import Testing

@Suite struct AddressPolicyTests {
    @Test(arguments: [
        ("8.8.8.8", AddressPolicy.Kind.public), ("172.15.255.255", .public), ("172.32.0.0", .public),
        ("11.0.0.0", .public),
        ("100.63.255.255", .public), ("100.128.0.0", .public), ("223.255.255.255", .public),
        ("2606:4700::1111", .public),
        ("0.0.0.0", .reserved), ("0.1.2.3", .reserved), ("10.0.0.0", .private), ("10.255.255.255", .private),
        ("100.64.0.1", .private), ("100.100.100.200", .metadata), ("127.0.0.1", .loopback),
        ("127.255.255.254", .loopback),
        ("169.254.0.0", .linkLocal), ("169.254.169.254", .linkLocal), ("168.63.129.16", .metadata),
        ("172.16.0.1", .private),
        ("172.31.255.255", .private), ("192.0.0.192", .metadata), ("192.0.0.1", .reserved), ("192.168.1.1", .private),
        ("198.18.0.1", .reserved), ("198.51.100.7", .reserved), ("203.0.113.7", .reserved), ("224.0.0.1", .multicast),
        ("239.255.255.255", .multicast), ("240.0.0.1", .reserved), ("255.255.255.255", .reserved),
        ("::", .reserved), ("::1", .loopback), ("::2", .reserved), ("::127.0.0.1", .reserved), ("fe80::1", .linkLocal),
        ("febf::1", .linkLocal), ("fec0::1", .private), ("fc00::1", .private), ("fd12:3456::1", .private),
        ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata), ("ff02::1", .multicast), ("2001:db8::1", .reserved),
        ("2001::1", .reserved), ("2001:1ff::1", .reserved), ("2001:200::1", .public), ("2002:7f00:1::", .reserved),
        ("3fff::1", .reserved), ("100::1", .reserved), ("64:ff9b:1::1", .reserved),
    ])
    func `an address has its kind`(text: String, kind: AddressPolicy.Kind) throws {
        #expect(AddressPolicy.kind(of: try #require(IPAddress(text))) == kind)
    }

    @Test(arguments: ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "224.0.0.1", "8.8.8.8", "0.0.0.0"])
    func `an address inside an IPv6 one keeps its kind`(text: String) throws {
        let kind = AddressPolicy.kind(of: try #require(IPAddress(text)))
        #expect(AddressPolicy.kind(of: try #require(IPAddress("::ffff:\(text)"))) == kind)
        #expect(AddressPolicy.kind(of: try #require(IPAddress("64:ff9b::\(text)"))) == kind)
        guard case .v4(let bits) = try #require(IPAddress(text)) else { return }
        #expect(AddressPolicy.kind(of: .v6(0xFFFF << 32 | UInt128(bits))) == kind)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "0x7f.0.0.1", "2130706433", "127.1", "1.2.3.4 ", "+1.2.3.4",
        ":",
        ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "fe80::1%eth0",
        "::1.2.3",
        "1.2.3.4::", "::+1", ":1::", "g::",
    ])
    func `text in no canonical form is no address`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `an address survives its own text`() {
        var random = SeededBits(seed: 11)
        for _ in 0..<2000 {
            let four = IPAddress.v4(UInt32.random(in: 0 ... .max, using: &random))
            #expect(IPAddress(four.description) == four)
            let six = IPAddress.v6(UInt128.random(in: (1 << 64) ... .max, using: &random))
            #expect(IPAddress(six.description) == six)
        }
    }
}
