import ExecdProtocol
import TestSupport
import Testing

/// What host and guest say to each other over a stream that has no connections.
@Suite struct GuestProtocolTests {
    private let token = Array("0123456789abcdef".utf8)

    private func bytes(_ count: Int, _ bits: inout SeededBits) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &bits) }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `a message is found wherever the stream is cut`(_ seed: UInt64) {
        var bits = SeededBits(seed: seed)
        // A beginning of the marker right before it is the hard case.
        let noise = bytes(Int.random(in: 0...40, using: &bits), &bits)
        let before = noise + token.prefix(Int.random(in: 0..<16, using: &bits))
        let payload = bytes(Int.random(in: 0...60, using: &bits), &bits)
        let after = bytes(Int.random(in: 0...20, using: &bits), &bits)
        var stream = (before + MarkedMessage.encode(marker: token, payload) + after)[...]
        var scanner = MarkedMessage(marker: token)
        var found: [UInt8]?
        var strays: [UInt8] = []
        var later: [UInt8] = []
        while !stream.isEmpty {
            var piece = Array(stream.prefix(Int.random(in: 1...30, using: &bits)))
            stream = stream.dropFirst(piece.count)
            while !piece.isEmpty {
                var rest: [UInt8] = []
                for event in scanner.feed(piece, rest: &rest) {
                    switch event {
                    case .stray(let bytes): if found == nil { strays += bytes } else { later += bytes }
                    case .payload(let bytes): found = bytes
                    case .tooLong: Issue.record("seed \(seed)")
                    }
                }
                piece = rest
            }
        }
        #expect(found == payload, "seed \(seed)")
        #expect(later == after, "seed \(seed)")
        // A part of the marker may have been passed on before the rest of it came, and nothing else.
        #expect(strays.starts(with: before) && strays.count < before.count + token.count, "seed \(seed)")
    }

    @Test func `a length beyond all sense is told, and the stream goes on`() {
        var scanner = MarkedMessage(marker: token)
        var rest: [UInt8] = []
        #expect(scanner.feed(token + [0xFF, 0, 0, 0], rest: &rest) == [.tooLong(0xFF00_0000)])
        #expect(scanner.feed(MarkedMessage.encode(marker: token, [7]), rest: &rest) == [.payload([7])])
    }

    private var requests: [GuestRequest] {
        let moment = GuestMoment(clock: 1_800_000_000_000_000_000, seed: Array(repeating: 9, count: 64))
        let settings = GuestSettings(
            token: Array(repeating: 0x61, count: 64), processes: 40, outputLimit: 1000, proxyPort: 3128,
            environment: ["A=1", "B=x=y\nz", "C="])
        return [
            .ping, .sync, .end, .start(settings, moment), .attach(moment, token: nil),
            .attach(moment, token: Array(repeating: 0x62, count: 64)),
        ]
    }

    @Test func `requests and replies are read as they were written`() throws {
        let nonce = Array(repeating: UInt8(3), count: GuestReply.nonceLength)
        for request in requests {
            let read = try GuestRequest.parse(request.payload(nonce: nonce))
            #expect(read.request == request && read.nonce == nonce)
        }
        for reply in [GuestReply(failure: nil), GuestReply(failure: "mount: no space left")] {
            #expect(try GuestReply(parsing: reply.payload) == reply)
        }
    }

    @Test func `what is cut short or has the wrong size is refused`() {
        let nonce = Array(repeating: UInt8(3), count: GuestReply.nonceLength)
        for request in requests {
            let whole = request.payload(nonce: nonce)
            for length in whole.indices {
                #expect(throws: ProtocolError.self) { try GuestRequest.parse(Array(whole[..<length])) }
            }
            #expect(throws: ProtocolError.self) { try GuestRequest.parse(whole + [0]) }
        }
        #expect(throws: ProtocolError.self) { try GuestRequest.parse(GuestRequest.ping.payload(nonce: [1])) }
        let short = GuestMoment(clock: 1, seed: [1])
        #expect(throws: ProtocolError.self) {
            try GuestRequest.parse(GuestRequest.attach(short, token: nil).payload(nonce: nonce))
        }
    }
}
