import Logging
import Sandbox
import Synchronization
import Testing

@testable import Egress

/// What the gate says about names that programs look up.
@Suite struct NameExchangeTests {
    private func ask(
        _ name: String, _ rules: [String], trusted: [String]? = nil, answers: [String] = ["93.184.216.34"]
    ) async -> (bytes: [UInt8], denials: [String], looked: [String]) {
        let denials = Mutex<[String]>([])
        let resolver = FixedResolver(answers)
        let gate = EgressGate(
            policy: .allow(hosts: rules),
            context: EgressContext(
                trusted: trusted, resolver: resolver, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            onRecord: { record in
                guard case .denied(let sentence) = record.outcome, record.method == "DNS" else { return }
                denials.withLock { $0.append(sentence) }
            })
        let question = [UInt8(1), UInt8(name.utf8.count)] + Array(name.utf8)
        // In pieces, as they may come.
        let connection = MemoryConnection(question.map { [$0] }, closesAtOnce: true)
        await gate.serve(connection)
        return (connection.bytes, denials.withLock { $0 }, resolver.names)
    }

    @Test func `the ports of an allowed name are told, the usual ones first`() async {
        #expect(await ask("a.example", ["a.example"]).bytes == [0, 2, 0, 80, 1, 187])
        #expect(await ask("A.Example", ["*.example:8443", "a.example"]).bytes == [0, 3, 0, 80, 1, 187, 0x20, 0xFB])
        #expect(await ask("a.example", ["a.example:8000-8001"]).bytes == [0, 2, 0x1F, 0x40, 0x1F, 0x41])
        #expect(await ask("a.example", ["a.example:*"]).bytes == [0, 2, 0, 80, 1, 187], "not all of a wide range")
        #expect(await ask("a.example", ["a.example", "deny a.example:80"]).bytes == [0, 1, 1, 187])
        #expect(await ask("a.example", ["GET https://a.example/v1/*"]).bytes == [0, 1, 1, 187])
    }

    @Test func `a name that is not allowed is not looked up, and its refusal is told`() async {
        let answer = await ask("leak-of-something.other.example", ["a.example"])
        #expect(answer.bytes == [1] && answer.looked.isEmpty)
        #expect(
            answer.denials == [
                "The sandbox may not reach leak-of-something.other.example: no rule of its network policy allows this host."
            ])
        #expect(await ask("10.0.0.1", ["10.0.0.1"]).bytes == [2], "that is no name")
        #expect(await ask("a..example", ["*"]).bytes == [2])
    }

    @Test func `addresses of a name are judged before it is told`() async {
        let inside = await ask("a.example", ["a.example"], answers: ["10.0.0.1"])
        #expect(inside.bytes == [1] && inside.denials.first?.contains("its address is private") == true)
        #expect(await ask("a.example", ["a.example"], answers: ["169.254.169.254"]).bytes == [1])
        #expect(
            await ask("a.example", ["a.example", "10.0.0.0/8"], answers: ["10.0.0.1"]).bytes == [0, 2, 0, 80, 1, 187])
        #expect(await ask("a.example", ["a.example"], answers: []).bytes == [2])
    }
}
