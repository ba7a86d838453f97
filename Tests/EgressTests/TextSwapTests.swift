import TestSupport
import Testing

@testable import Egress

@Suite struct TextSwapTests {
    @Test func `texts are replaced wherever the pieces end`() {
        let pairs: [(from: [UInt8], to: [UInt8])] = [
            (Array("placeholder-a".utf8), Array("A".utf8)),
            (Array("placeholder-bb".utf8), Array("longer than before".utf8)),
        ]
        let text = Array("xplaceholder-aplaceholder-placeholder-bbplaceholder-b placeholder-a".utf8)
        let expected = "xAplaceholder-longer than beforeplaceholder-b A"
        for size in 1...text.count {
            var swap = TextSwap(pairs)
            var out: [UInt8] = []
            for start in stride(from: 0, to: text.count, by: size) {
                out += swap.take(text[start..<min(start + size, text.count)])
            }
            out += swap.finish()
            #expect(String(decoding: out, as: UTF8.self) == expected, "pieces of \(size)")
        }
    }

    @Test func `what holds no such text stays as it is`() {
        var bits = SeededBits(seed: 7)
        for _ in 0..<200 {
            let bytes = (0..<Int.random(in: 0...300, using: &bits)).map { _ in UInt8.random(in: 0...3, using: &bits) }
            #expect(TextSwap.swap(bytes, [(Array("placeholder".utf8), [])]) == bytes)
            #expect(TextSwap.swap(bytes, []) == bytes)
        }
    }
}
