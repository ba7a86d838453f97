import Testing

@testable import Toolset

@Suite struct TextSanitizerTests {
    @Test(arguments: [
        ("plain\ttext\n", "plain\ttext\n"), ("\u{1B}[31mred\u{1B}[0m", "red"), ("\u{1B}]0;title\u{7}x", "x"),
        ("a\u{8}b\u{0}c", "abc"),
    ])
    func `escapes and control characters go`(input: String, clean: String) {
        var sanitizer = TextSanitizer()
        var output: [UInt8] = []
        for byte in input.utf8 { sanitizer.clean([byte], into: &output) }
        #expect(String(decoding: output, as: UTF8.self) == clean)
    }

    @Test(arguments: UInt64(1)...100) func `the output is always UTF-8, however it is cut`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        var whole: [UInt8] = []
        var pieces: [UInt8] = []
        var first = TextSanitizer()
        first.clean(bytes, into: &whole)
        var second = TextSanitizer()
        for byte in bytes { second.clean([byte], into: &pieces) }
        #expect(whole == pieces, "seed \(seed)")
        #expect(String(validating: whole, as: UTF8.self) != nil)
    }
}
