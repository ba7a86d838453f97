import Testing

@testable import Toolset

@Suite struct OutputCollectorTests {
    private func collect(_ text: String, limit: Int, piece: Int) -> String {
        var collector = OutputCollector(limit: limit, spillLimit: 0) { nil }
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            collector.add(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        return collector.finish()
    }

    @Test(arguments: [1, 3, 1000]) func `what fits stays, without line feeds at its end`(piece: Int) {
        #expect(collect("äöü\n\n", limit: 10, piece: piece) == "äöü")
        #expect(collect("", limit: 10, piece: piece) == "")
    }

    @Test(arguments: UInt64(1)...100) func `beginning and end stay whole characters and within the limit`(seed: UInt64)
    {
        var random = Seeded(seed: seed)
        let limit = Int.random(in: 10...60, using: &random)
        let text = (0..<200).map { _ in ["a", "é", "€", "🙂"].randomElement(using: &random) ?? "" }.joined()
        let result = collect(text, limit: limit, piece: Int.random(in: 1...80, using: &random))
        #expect(!result.contains("\u{FFFD}"), "seed \(seed)")
        let parts = result.split(separator: "\n\n")
        #expect(parts.count == 3)
        #expect(text.hasPrefix(String(parts[0])) && text.hasSuffix(String(parts[2])))
        #expect(parts[0].utf8.count + parts[2].utf8.count <= limit)
        #expect(parts[0].utf8.count + parts[2].utf8.count > limit - 8)
        #expect(parts[1].contains("could not be saved"))
    }
}
