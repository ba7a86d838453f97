/// A hash that is the same in every process (FNV-1a, 64 bits), unlike `Hasher`; not for anything hostile.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }
    mutating func add(_ text: String) {
        add(text.utf8)
        add([0xFF])
    }
    mutating func add(_ number: Int) { add(String(number)) }

    /// 16 hexadecimal digits.
    var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
