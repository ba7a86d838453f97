import Testing

@testable import Toolset

@Suite struct NameTests {
    static func query(_ name: String, kind: UInt16 = 1, id: UInt16 = 0xABCD) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return bytes + [0, UInt8(kind >> 8), UInt8(kind & 0xFF), 0, 1]
    }

    @Test func `a question is read, and its answer repeats it`() throws {
        let bytes = Self.query("Open.Example")
        let question = try NameQuestion(parsing: bytes)
        #expect(question.name == "open.example" && question.kind == .address && question.id == 0xABCD)
        let answer = NameAnswer.address(0x7F40_0102).message(to: question)
        #expect(answer.prefix(12) == [0xAB, 0xCD, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
        #expect(answer[12..<bytes.count] == bytes[12...])
        #expect(answer.suffix(16) == [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 0x7F, 0x40, 1, 2])
        let refusal = NameAnswer.failure(.unknown).message(to: question)
        #expect(refusal.count == bytes.count && refusal[3] == 0x83 && refusal[7] == 0)
        #expect(try NameQuestion(parsing: Self.query("a.example", kind: 28)).kind == .other)
    }

    @Test func `what is no question for a host is refused`() {
        func failure(_ bytes: [UInt8]) -> NameQuestion.Failure? {
            do throws(NameQuestion.Failure) {
                _ = try NameQuestion(parsing: bytes)
                return nil
            } catch { return error }
        }
        var bytes = Self.query("a.example")
        bytes[2] |= 0x80
        #expect(failure(bytes) == .unreadable, "an answer")
        #expect(failure(Array(Self.query("a.example").prefix(11))) == .unreadable)
        #expect(failure(Array(Self.query("a.example").dropLast())) == .refused(.malformed, id: 0xABCD))
        #expect(failure(Self.query("a b.example")) == .refused(.refused, id: 0xABCD))
        #expect(failure(Self.query("")) == .refused(.refused, id: 0xABCD))
        bytes = Self.query("a.example")
        bytes[12] = 0xC0
        #expect(failure(bytes) == .refused(.malformed, id: 0xABCD), "a pointer")
        #expect(failure(Self.query(Array(repeating: "a23456789", count: 30).joined(separator: "."))) != nil)
    }

    @Test(arguments: UInt64(1)...20) func `any bytes are a question or none`(seed: UInt64) {
        var random = Seeded(seed: seed)
        for _ in 0..<500 {
            var bytes = Self.query("some.name.example")
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            if let question = try? NameQuestion(parsing: bytes) {
                #expect(NameAnswer.nothing.message(to: question).count <= bytes.count, "seed \(seed)")
            }
        }
    }

    @Test func `a name keeps its address, and what was used longest ago makes room`() {
        var table = NameTable(limit: 2)
        let first = table.put("a.example", ports: [80]).address
        #expect(first >> 22 == 0x7F40_0000 >> 22 && ![0, 255].contains(first & 0xFF))
        let second = table.put("b.example", ports: [80]).address
        #expect(second != first)
        #expect(table.put("a.example", ports: [443]) == (first, nil))
        #expect(table[address: first]?.ports == [443])
        let third = table.put("c.example", ports: [80])
        #expect(third.evicted == second && table.count == 2 && table[address: second] == nil)
        table.use(first)
        #expect(table.put("b.example", ports: [80]) == (second, third.address), "the same again")
        var many = NameTable(limit: 4096)
        let addresses = Set((0..<4096).map { many.put("n\($0).example", ports: []).address })
        #expect(addresses.count == 4096)
    }

    @Test func `the gate's words are taken apart, however they come`() {
        #expect(GateQuestion.bytes(of: "a.b") == [1, 3] + Array("a.b".utf8))
        let answer: [UInt8] = [0, 2, 0, 80, 1, 187]
        for count in answer.indices { #expect(GateQuestion.verdict(Array(answer.prefix(count))) == nil) }
        #expect(GateQuestion.verdict(answer) == .allowed(ports: [80, 443]))
        #expect(GateQuestion.verdict([1]) == .denied && GateQuestion.verdict([2]) == .unknown)
        #expect(GateQuestion.verdict([0, 0]) == .failed && GateQuestion.verdict([0, 17]) == .failed)
        #expect(GateQuestion.verdict([9]) == .failed)
        var reply = TunnelReply()
        let open = Array("HTTP/1.1 200 Connection Established\r\n\r\nhello".utf8)
        for byte in open.dropLast(6) { #expect(reply.take([byte]) == .more) }
        #expect(reply.take(Array(open.suffix(6))) == .open(Array("hello".utf8)))
        reply = TunnelReply()
        let refusal = Array("HTTP/1.1 403 Forbidden\r\n\r\nno".utf8)
        #expect(reply.take(refusal) == .refused(refusal))
        reply = TunnelReply()
        #expect(reply.take([UInt8](repeating: 65, count: 9000)) == .refused([UInt8](repeating: 65, count: 9000)))
    }
}
