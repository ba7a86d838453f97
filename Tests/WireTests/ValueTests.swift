import Testing
import Wire

@Suite struct ValueTests {
    @Test(arguments: [
        ("2026-10-31T12:00:00.123456Z", "2026-10-31T12:00:00.123456Z"),
        ("2026-10-31T12:00:00Z", "2026-10-31T12:00:00.000000Z"),
        ("2026-10-31T14:00:00.5+02:00", "2026-10-31T12:00:00.500000Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000000Z"),
        ("2000-02-29T00:00:00-00:30", "2000-02-29T00:30:00.000000Z"),
    ])
    func `times are printed in one canonical form`(text: String, canonical: String) throws {
        #expect(try #require(Timestamp(text)).description == canonical)
    }

    @Test(arguments: [
        "", "2026-10-31", "2026-13-31T12:00:00Z", "2026-10-31T12:00:00", "2026-10-31T25:00:00Z", "x026-10-31T12:00:00Z",
    ])
    func `other texts are no times`(text: String) { #expect(Timestamp(text) == nil) }

    @Test(arguments: UInt64(1)...100) func `a time read back is the same time`(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let time = Timestamp(microseconds: Int64.random(in: 0...4_000_000_000_000_000, using: &random))
        #expect(try #require(Timestamp(time.description)) == time)
    }

    @Test func `ids need their prefix and plain characters`() {
        #expect(SessionID("sesn_01AbZ-_") != nil)
        for text in ["", "agent_1", "sesn_a/b", "sesn_a b", "sesn_ä", "sesn_" + String(repeating: "a", count: 200)] {
            #expect(SessionID(text) == nil)
        }
    }

    @Test func `new ids sort by their time`() {
        let clock = SteppingClock()
        let source = RandomIdentifierSource(clock: clock)
        let first = SessionID.make(source)
        clock.advance(by: 2000)
        #expect(first.rawValue < SessionID.make(source).rawValue)
    }

    @Test(arguments: UInt64(1)...60) func `base64 survives both alphabets, with and without padding`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        for text in [Base64.encode(bytes), Base64.encodeURLSafe(bytes), Base64.encode(bytes).filter { $0 != "=" }] {
            #expect(Base64.decode(text) == bytes)
        }
        #expect(Base64.decode("a") == nil)
        #expect(Base64.decode("ab!d") == nil)
    }

    @Test func `metadata keeps its bounds and its patches`() throws {
        let bag = try Metadata.create(["a": "1", "b": "2"])
        #expect(try Metadata.apply(["a": .null, "c": "3"], to: bag, emptyDeletes: false) == ["b": "2", "c": "3"])
        #expect(try Metadata.apply(["a": ""], to: bag, emptyDeletes: true) == ["b": "2"])
        #expect(try Metadata.apply(["a": ""], to: bag, emptyDeletes: false) == ["a": "", "b": "2"])
        let many = JSON((0..<17).map { (key: "k\($0)", value: "v") })
        for wrong: JSON in [many, ["a": 1], [1], ["": "x"], ["a": .string(String(repeating: "x", count: 513))]] {
            #expect(throws: WireError.self) { try Metadata.create(wrong) }
        }
    }
}

/// A clock that moves when it is told to.
final class SteppingClock: WallClock {
    private let time = TimeBox()
    func advance(by microseconds: Int64) { time.add(microseconds) }
    func now() -> Timestamp { Timestamp(microseconds: time.value) }
}
