import Egress
import Logging
import NIOSSL
import Sandbox
import TestSupport
import Testing

@Suite struct EgressTLSTests {
    private func withServer(
        _ pem: String = LoopbackCertificate.address, _ body: (EchoServer) async throws -> Void
    ) async throws {
        let certificate = try NIOSSLCertificate(bytes: Array(pem.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(LoopbackCertificate.key.utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
        try await EchoServer.with(outer: { NIOSSLServerHandler(context: context) }, body)
    }

    private func answer(_ tls: UpstreamTLS, _ host: String, _ server: EchoServer) async -> String {
        let gate = EgressGate(
            policy: .allow(hosts: ["127.0.0.1", "localhost"]),
            context: EgressContext(
                limits: EgressLimits(ports: [server.port]), resolver: FixedResolver(["127.0.0.1"]), tls: tls,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let connection = MemoryConnection("GET https://\(host):\(server.port)/a HTTP/1.1\r\nHost: x\r\n\r\n")
        await gate.serve(connection)
        return connection.answer
    }

    @Test func `the gate speaks TLS to a host that it can prove`() async throws {
        try await withServer { server in
            let tls = UpstreamTLS(roots: Array(LoopbackCertificate.address.utf8))
            let answer = await answer(tls, "127.0.0.1", server)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix("GET /a host=127.0.0.1:\(server.port) body=0"))
        }
    }

    @Test func `a certificate for the name proves it`() async throws {
        try await withServer(LoopbackCertificate.name) { server in
            let tls = UpstreamTLS(roots: Array(LoopbackCertificate.name.utf8))
            #expect(await answer(tls, "localhost", server).hasSuffix("GET /a host=localhost:\(server.port) body=0"))
            #expect(await answer(tls, "127.0.0.1", server).hasPrefix("HTTP/1.1 502 "))
            #expect(server.requests == 1)
        }
    }

    @Test func `a host whose certificate nobody vouches for gets no request`() async throws {
        try await withServer { server in
            let answer = await answer(UpstreamTLS(), "127.0.0.1", server)
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("could not be proven with TLS"))
            #expect(server.requests == 0)
        }
    }

    @Test func `a certificate for another name is no proof`() async throws {
        try await withServer { server in
            let tls = UpstreamTLS(roots: Array(LoopbackCertificate.address.utf8))
            let answer = await answer(tls, "localhost", server)
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("localhost could not be proven with TLS"))
            #expect(server.requests == 0)
        }
    }
}
