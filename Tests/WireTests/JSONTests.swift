import Testing
import Wire

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "0", "-1", "9223372036854775807", "1.5", "\"\"", "[]", "{}",
        "{\"a\":[1,{\"b\":null}],\"c\":\"\u{1F600}\"}",
    ])
    func `what is written is what was read`(text: String) throws {
        #expect(try JSON(parsing: text).text == text)
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "01", "-", "1.", "1e", ".5", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\u{1}\"",
        "[", "[1", "[1,",
        "[1,]", "{", "{\"a\"", "{\"a\":", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{\"a\":1,\"a\":2}", "1 2", "[]]",
        "1e999",
    ])
    func `malformed text is refused with a place`(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text) }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `nesting beyond the bound is refused, not followed`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSON(parsing: deep) }
    }

    @Test func `surrogate pairs and escapes become characters`() throws {
        #expect(try JSON(parsing: #""\ud83d\ude00\n\u0041\/""#) == .string("\u{1F600}\nA/"))
    }

    @Test(arguments: UInt64(1)...200) func `a random value survives writing and reading`(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let value = Self.value(&random, depth: 4)
        #expect(try JSON(parsing: value.bytes) == value, "seed \(seed)")
    }

    @Test(arguments: UInt64(1)...200) func `broken bytes give a value or an error, never more`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var bytes = Self.value(&random, depth: 4).bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        do { _ = try JSON(parsing: bytes) } catch { #expect(error.offset <= bytes.count, "seed \(seed)") }
    }

    private static func value(_ random: inout SplitMix, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: return .double(Double(Int.random(in: -1000...1000, using: &random)) / 8 + 0.0625)
        case 4: return .string(text(&random))
        case 5: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default:
            var object = JSON.Object()
            for number in 0..<Int.random(in: 0...4, using: &random) {
                object["\(number)" + text(&random)] = value(&random, depth: depth - 1)
            }
            return .object(object)
        }
    }

    private static func text(_ random: inout SplitMix) -> String {
        String(
            String.UnicodeScalarView(
                (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
                    Unicode.Scalar(UInt32.random(in: 0...0x1F700, using: &random))
                }))
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
