import Egress
import Logging
import Sandbox
import Synchronization
import TestSupport
import Testing

@Suite struct EgressGateTests {
    private final class Denials: Sendable {
        private let sentences = Mutex<[String]>([])
        var all: [String] { sentences.withLock { $0 } }
        func add(_ record: EgressRecord) {
            if case .denied(let sentence) = record.outcome { sentences.withLock { $0.append(sentence) } }
        }
    }
    private let denials = Denials()
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func gate(
        _ policy: NetworkPolicy, trusted: [String]? = nil, limits: EgressLimits = EgressLimits(),
        resolver: any NameResolver = FixedResolver([])
    ) -> EgressGate {
        EgressGate(
            policy: policy,
            context: EgressContext(trusted: trusted, limits: limits, resolver: resolver, logger: quiet),
            onRecord: { [denials] in denials.add($0) })
    }

    private func answer(of gate: EgressGate, to text: String, closesAtOnce: Bool = false) async -> String {
        let connection = MemoryConnection(text, closesAtOnce: closesAtOnce)
        await gate.serve(connection)
        return connection.answer
    }

    // MARK: - What is carried

    @Test func `a plain request reaches the host in origin form`() async throws {
        try await EchoServer.with { server in
            let answer = await answer(
                of: gate(.allow(hosts: ["127.0.0.1:\(server.port)"])),
                to: "GET http://127.0.0.1:\(server.port)/a?b HTTP/1.1\r\nHost: other.org\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nGET /a?b host=127.0.0.1:\(server.port) body=0"))
        }
        #expect(denials.all.isEmpty)
    }

    @Test func `a tunnel carries bytes both ways`() async throws {
        try await EchoServer.with { server in
            let connection = MemoryConnection([
                Array("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\nHost: x\r\n\r\nGET /early".utf8),
                Array(" HTTP/1.1\r\nHost: inner\r\n\r\n".utf8),
            ])
            await gate(.allow(hosts: ["127.0.0.1"]), limits: EgressLimits(ports: [server.port])).serve(connection)
            #expect(connection.answer.hasPrefix("HTTP/1.1 200 Connection Established\r\n\r\nHTTP/1.1 200 OK\r\n"))
            #expect(connection.answer.hasSuffix("GET /early host=inner body=0"))
        }
    }

    @Test func `what follows a request's body is not sent to the host`() async throws {
        try await EchoServer.with { server in
            let address = "127.0.0.1:\(server.port)"
            let second = "GET http://\(address)/second HTTP/1.1\r\n\r\n"
            for body in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
                let answer = await answer(
                    of: gate(.allow(hosts: [address])), to: "POST http://\(address)/first HTTP/1.1\r\n\(body)\(second)")
                #expect(answer.hasSuffix("POST /first host=\(address) body=3"))
            }
            #expect(server.requests == 2)
        }
    }

    @Test func `large bodies pass whole in both directions`() async throws {
        try await EchoServer.with { server in
            let address = "127.0.0.1:\(server.port)"
            let gate = gate(.allow(hosts: [address]))
            let count = 5_000_000
            let download = MemoryConnection("GET http://\(address)/bytes/\(count) HTTP/1.1\r\n\r\n")
            await gate.serve(download)
            let expected = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251) }
            #expect(download.bytes.suffix(count).elementsEqual(expected))
            let head = Array("PUT http://\(address)/up HTTP/1.1\r\nContent-Length: \(count)\r\n\r\n".utf8)
            let pieces = stride(from: 0, to: count, by: 50_000).map { Array(expected[$0..<min($0 + 50_000, count)]) }
            let upload = MemoryConnection([head] + pieces)
            await gate.serve(upload)
            #expect(upload.answer.hasSuffix("PUT /up host=\(address) body=\(count)"))
        }
    }

    @Test func `localhost and a looked-up name are dialled at a checked address only`() async throws {
        try await EchoServer.with { server in
            let resolver = FixedResolver(["169.254.169.254", "10.0.0.1", "127.0.0.1"])
            let answer = await answer(
                of: gate(.allow(hosts: ["localhost:\(server.port)"]), resolver: resolver),
                to: "GET http://LOCALHOST:\(server.port)/ HTTP/1.1\r\n\r\n")
            #expect(answer.hasSuffix("GET / host=localhost:\(server.port) body=0"))
            #expect(resolver.names == ["localhost"])
        }
    }

    @Test func `the host's own resolver knows localhost`() async throws {
        try await EchoServer.with { server in
            let answer = await answer(
                of: gate(.allow(hosts: ["localhost:\(server.port)"]), resolver: SystemResolver()),
                to: "GET http://localhost:\(server.port)/ HTTP/1.1\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    // MARK: - What is refused

    @Test(arguments: [
        (
            NetworkPolicy.none, "http://example.com/",
            "The sandbox may not reach example.com: its network policy allows no host."
        ),
        (
            .allow(hosts: ["example.org"]), "http://example.com/",
            "The sandbox may not reach example.com: no rule of its network policy allows this host."
        ),
        (
            .allow(hosts: ["*.example.com"]), "https://a.example.com:8443/",
            "The sandbox may not reach a.example.com on port 8443: the rule '*.example.com' allows only port 80, 443."
        ),
        (
            .allow(hosts: ["*"]), "http://127.0.0.1/",
            "The sandbox may not reach 127.0.0.1: its address is loopback, and the rule '*' allows only public ones."
        ),
        (
            .allow(hosts: ["169.254.169.254"]), "http://169.254.169.254/latest/meta-data/",
            "The sandbox may not reach 169.254.169.254: its address is link-local, which the rule '169.254.169.254' "
                + "cannot open."
        ),
        (
            .allow(hosts: ["ftp://example.com"]), "http://example.com/",
            "The sandbox may not reach example.com: no rule of its network policy allows this host, and "
                + "'ftp://example.com' in it is not a rule."
        ),
    ])
    func `a denial is a 403 that names host and rule`(policy: NetworkPolicy, target: String, sentence: String) async {
        let answer = await answer(of: gate(policy), to: "GET \(target) HTTP/1.1\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n\(sentence)\n"))
        #expect(denials.all == [sentence])
    }

    @Test(arguments: [
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe",
        "224.0.0.1",
    ])
    func `an allowed name that leads inside is refused`(address: String) async {
        for target in ["GET http://rebind.example/ HTTP/1.1\r\n\r\n", "CONNECT rebind.example:443 HTTP/1.1\r\n\r\n"] {
            let gate = gate(.allow(hosts: ["rebind.example", "*"]), resolver: FixedResolver([address]))
            let answer = await answer(of: gate, to: target)
            #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        }
        #expect(denials.all.count == 2)
    }

    @Test(arguments: ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
    func `another spelling of the loopback is refused`(host: String) async {
        let gate = gate(.allow(hosts: ["*"]), resolver: SystemResolver())
        let answer = await answer(of: gate, to: "CONNECT \(host):80 HTTP/1.1\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
    }

    @Test func `a rule that the operator does not vouch for opens no private address`() async {
        let policy = NetworkPolicy.allow(hosts: ["127.0.0.1", "localhost"])
        for host in ["127.0.0.1", "localhost"] {
            let gate = gate(policy, trusted: [], resolver: FixedResolver(["127.0.0.1"]))
            #expect(await answer(of: gate, to: "CONNECT \(host):80 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 403 "))
        }
    }

    @Test func `what is denied is not looked up`() async {
        let resolver = FixedResolver(["93.184.216.34"])
        _ = await answer(
            of: gate(.allow(hosts: ["example.org"]), resolver: resolver),
            to: "CONNECT secret.evil.org:443 HTTP/1.1\r\n\r\n")
        #expect(resolver.names.isEmpty)
    }

    // MARK: - What fails

    @Test func `a request that cannot be read gets a 400, one too long a 431`() async {
        let gate = gate(.allow(hosts: ["*"]))
        #expect(await answer(of: gate, to: "GET / HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
        #expect(await answer(of: gate, to: String(repeating: "A", count: 40_000)).hasPrefix("HTTP/1.1 431 "))
        #expect(denials.all.isEmpty)
    }

    @Test func `a host that refuses or has no address gets a 502`() async {
        // Nothing listens on the port of the multiplexer service.
        let closed = await answer(of: gate(.allow(hosts: ["127.0.0.1:1"])), to: "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
        #expect(closed.hasPrefix("HTTP/1.1 502 ") && closed.contains("127.0.0.1 could not be reached on port 1."))
        let unknown = await answer(of: gate(.allow(hosts: ["a.org"])), to: "CONNECT a.org:80 HTTP/1.1\r\n\r\n")
        #expect(unknown.hasPrefix("HTTP/1.1 502 ") && unknown.contains("The name a.org has no address."))
    }

    @Test func `a body that is cut short gets a 400`() async throws {
        try await EchoServer.with { server in
            let answer = await answer(
                of: gate(.allow(hosts: ["127.0.0.1:\(server.port)"])),
                to: "POST http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", closesAtOnce: true
            )
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(server.requests == 0)
        }
    }

    @Test func `a connection on which nothing happens is ended`() async throws {
        try await EchoServer.with(isSilent: true) { server in
            let connection = MemoryConnection("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\n\r\n")
            let limits = EgressLimits(ports: [server.port], idle: .milliseconds(200))
            await gate(.allow(hosts: ["127.0.0.1"]), limits: limits).serve(connection)
            #expect(connection.isReset && connection.bytes.isEmpty)
        }
    }

    @Test func `cancellation ends a connection at once`() async throws {
        try await EchoServer.with(isSilent: true) { server in
            let connection = MemoryConnection("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n\r\n")
            let gate = gate(.allow(hosts: ["127.0.0.1"]), limits: EgressLimits(ports: [server.port]))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await gate.serve(connection) }
                while connection.bytes.isEmpty { await Task.yield() }
                group.cancelAll()
            }
            #expect(connection.isReset)
        }
    }
}
