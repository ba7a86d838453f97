internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

/// One connection from inside: its request, the decision over it, and the bytes that follow.
struct Exchange: Sendable {
    let connection: any OutboundConnection
    let gate: EgressGate
    var policy: EgressGate.Policy
    let watch: ActivityWatch
    /// Where the requests were read from, inside a tunnel whose TLS the gate ended.
    var tunnel: ProxyRequest.Tunnel?

    var limits: EgressLimits { gate.context.limits }

    /// Serves the connection to its end.
    func run() async {
        guard tunnel == nil else { return await runInTunnel() }
        guard let first = try? await connection.read() else { return }
        if first.first == NameExchange.mark {
            return await NameExchange(connection: connection, gate: gate, policy: policy).run(first)
        }
        do throws(ProxyReply.Refusal) {
            let start = PrefixedConnection(first[...], connection)
            guard let opening = try await Opening.read(from: start, within: nil, watch: watch) else { return }
            await serve(opening)
        } catch {
            await refuse(error, in: .http)
        }
    }

    /// Serves the only request of a connection, or its tunnel.
    func serve(_ asked: Opening) async {
        let (opening, leak) = withoutLeaks(asked)
        let request = opening.request
        let note = ExchangeNote(of: self, request, hidesPath: leak != nil)
        do throws(ProxyReply.Refusal) {
            if let leak { throw .reply(.forbidden, leak.sentence(request.host)) }
            if request.form == .tunnel, try mustInspect(request) { return try await inspect(opening) }
            let addresses = try await addresses(of: request)
            let upstream = try await dial(request, addresses)
            try await gate.keeping(request, connection) { () async throws(ProxyReply.Refusal) in
                try await carry(opening, upstream, note.tally)
            }
            note(.carried)
            await drain()
        } catch {
            await settle(error, note, in: opening.dialect)
        }
    }

    /// Takes away what must not leave. What is judged is then what will be sent.
    func withoutLeaks(_ asked: Opening) -> (Opening, LeakScanner.Found?) {
        guard asked.request.form != .tunnel else { return (asked, nil) }
        var opening = asked
        do throws(LeakScanner.Found) { try opening.request.removeLeaks(by: policy.leaks) } catch {
            return (asked, error)
        }
        return (opening, nil)
    }

    /// Notes why a request has failed, and says so where that can be done.
    func settle(_ refusal: ProxyReply.Refusal, _ note: ExchangeNote, in dialect: Opening.Dialect) async {
        switch refusal {
        case .reply(let reply) where reply.status == .forbidden: note(.denied(reply.sentence))
        case .reply(let reply): note(.failed(reply.sentence))
        case .cut(let sentence): note(.denied(sentence))
        case .broken: note(.failed("The connection broke."))
        }
        await refuse(refusal, in: dialect)
    }

    func refuse(_ refusal: ProxyReply.Refusal, in dialect: Opening.Dialect) async {
        guard case .reply(let reply) = refusal, (try? await connection.write(dialect.bytes(of: reply))) != nil else {
            return await connection.reset()
        }
        await connection.finish()
        await drain()
    }

    // MARK: - Bytes

    private func carry(
        _ opening: Opening, _ upstream: UpstreamDialer.Upstream, _ tally: Tally
    ) async throws(ProxyReply.Refusal) {
        let request = opening.request
        let pipe = UpstreamPipe(connection: connection, watch: watch, tally: tally)
        do {
            try await upstream.executeThenClose { inbound, outbound in
                switch request.form {
                case .tunnel:
                    try await connection.write(opening.dialect.tunnelIsOpen)
                    try await pipe.tunnel(opening.rest, inbound, outbound)
                // A secret goes only to a host that has proven itself.
                case .forward(let isSecure):
                    let swap = SecretSwap(isSecure ? gate.secrets?.bindings ?? [] : [], for: request.host)
                    try await pipe.forward(request, opening.rest, inbound, outbound, swap, leaks: policy.leaks)
                }
            }
        } catch {
            guard let refusal = refusal(for: error, request, pipe) else { return await endUncleanly() }
            throw refusal
        }
    }

    /// What an error of a request's carrying comes to; nil for the end of a host that did not say goodbye, which many do not.
    /// Whether the answer is whole its reader knows.
    func refusal(for error: any Error, _ request: ProxyRequest, _ pipe: UpstreamPipe) -> ProxyReply.Refusal? {
        switch error {
        case let refusal as ProxyReply.Refusal: return refusal
        case let found as LeakScanner.Found:
            let sentence = found.sentence(request.host)
            return pipe.hasAnswered ? .cut(sentence) : .reply(.forbidden, sentence)
        case let error as NIOSSLError where error == .uncleanShutdown && pipe.hasAnswered: return nil
        case let error as ProxyRequestError where !pipe.hasAnswered:
            return .reply(.badRequest, "The sandbox's egress gate cannot carry this request: \(error).")
        case _ where !pipe.hasAnswered && !Task.isCancelled:
            // A refused certificate ends the connection, which may be all that is left to see of it.
            return .reply(
                .badGateway,
                request.form == .forward(isSecure: true)
                    ? "\(request.host) could not be proven with TLS, or broke the connection: \(error)."
                    : "\(request.host) broke the connection before it answered.")
        default: return .broken
        }
    }

    /// Ends as a host did.
    func endUncleanly() async {
        if tunnel?.isSecure ?? false { await connection.reset() } else { await connection.finish() }
    }

    /// Reads what a tunnel carries: one request, inside TLS or plain.
    private func inspect(_ opening: Opening) async throws(ProxyReply.Refusal) {
        let request = opening.request
        do {
            try await connection.write(opening.dialect.tunnelIsOpen)
            var first = opening.rest
            if first.isEmpty, let bytes = try await connection.read() { first = bytes[...] }
            // The first byte of every TLS connection (RFC 8446 §5.1), and of no HTTP request.
            let isSecure = first.first == 0x16
            guard isSecure, let authority = policy.authority else {
                var inner = Exchange(
                    connection: PrefixedConnection(first, connection), gate: gate, policy: policy, watch: watch)
                inner.tunnel = ProxyRequest.Tunnel(host: request.host, port: request.port, isSecure: false)
                return await inner.run()
            }
            let context = try authority.serverContext(for: request.host)
            try await InterceptedTunnel.with(connection, first, context: context, watch: watch) {
                [gate, policy, watch] plain in
                var inner = Exchange(connection: plain, gate: gate, policy: policy, watch: watch)
                inner.tunnel = ProxyRequest.Tunnel(host: request.host, port: request.port, isSecure: true)
                await inner.run()
            }
            await connection.finish()
            await drain()
        } catch {
            throw .broken
        }
    }

    func noteUntrusted() {
        guard let tunnel else { return }
        gate.note(
            EgressRecord(
                host: "\(tunnel.host)", port: tunnel.port, method: "CONNECT", path: "",
                outcome: .failed("The program inside sent no request, or did not trust the environment's authority."),
                isInspected: true, bytesOut: 0, bytesIn: 0, duration: .zero))
    }

    /// Waits until the program inside has closed its side: before that, the end of an answer may not have reached it.
    func drain() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [connection] in
                // A broken connection is as good an end as a closed one.
                while let bytes = try? await connection.read(), !bytes.isEmpty {}
            }
            group.addTask { [limits] in try? await Task.sleep(for: limits.linger) }
            await group.next()
            group.cancelAll()
        }
        await connection.reset()
    }
}
