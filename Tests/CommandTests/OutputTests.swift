import Testing
import Wire

@testable import perimeter

@Suite struct OutputTests {
    @Test func `what a tool prints cannot steer the terminal`() {
        #expect(PlainText.sanitised("a\u{1B}[31mb\u{1B}[0m\u{7}c\u{202E}d\r\ne\tf") == "abcd\ne    f")
        #expect(PlainText.oneLine("one\ntwo\u{1B}[2J", width: 40) == "one ⏎ two")
        #expect(PlainText.oneLine("0123456789", width: 5) == "0123…")
    }

    @Test func `columns are aligned and the last one is cut to the terminal`() {
        var table = Table("ID", "NAME")
        table.add("a", "short")
        table.add("longer", "a name that goes on")
        #expect(
            table.render(width: 20, style: .plain) == "ID      NAME\na       short\nlonger  a name that…\n")
        #expect(table.render(width: nil, style: .plain).contains("goes on"))
    }

    @Test func `ages are one word`() {
        let now = Timestamp(microseconds: 1_800_000_000_000_000)
        for (seconds, text) in [(5, "5s"), (65, "1m"), (7200, "2h"), (200_000, "2d"), (-5, "0s")] {
            #expect(Age.text(now.advanced(by: .seconds(-seconds)).description, now: now) == text)
        }
        #expect(Age.text(nil, now: now) == "-")
    }

    @Test func `lines break at words`() {
        #expect(PlainText.wrapped("one two three", width: 8) == ["one two", "three"])
        #expect(PlainText.wrapped("abcdefghij", width: 4) == ["abcd", "efgh", "ij"])
    }

    @Test(arguments: UInt64(1)...60) func `frames are found wherever the chunks break`(seed: UInt64) throws {
        let text =
            ": open\n\nevent: a\ndata: {\"type\":\"a\",\"id\":\"1\"}\n\nevent: ping\ndata: {}\r\n\r\nevent: b\ndata: {\"type\":\"b\"}\n\n"
        var random = SystemRandomNumberGenerator()
        _ = seed
        var decoder = EventStreamDecoder()
        var events: [JSON] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...9, using: &random)
            events += try decoder.feed(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        #expect(events.map { $0["type"] } == ["a", "b"])
    }

    @Test func `an error frame and endless data are errors`() {
        var decoder = EventStreamDecoder(limit: 64)
        #expect(throws: CommandError.self) {
            try decoder.feed(Array("event: error\ndata: {\"error\":{\"message\":\"no\"}}\n\n".utf8))
        }
        var small = EventStreamDecoder(limit: 64)
        #expect(throws: CommandError.self) { try small.feed([UInt8](repeating: 0x61, count: 100)) }
        var broken = EventStreamDecoder()
        #expect(throws: CommandError.self) { try broken.feed(Array("data: {\n\n".utf8)) }
    }
}
