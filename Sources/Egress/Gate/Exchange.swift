internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

/// One connection from inside: its request, the decision over it, and the bytes that follow.
struct Exchange: Sendable {
    let connection: any OutboundConnection
    let gate: EgressGate
    let policy: EgressGate.Policy
    let watch: ActivityWatch
    /// Where the requests were read from, inside a tunnel whose TLS the gate ended.
    var tunnel: ProxyRequest.Tunnel?

    private var limits: EgressLimits { gate.context.limits }

    /// Serves the connection to its end.
    func run() async {
        var start = connection
        if tunnel == nil {
            guard let first = try? await connection.read() else { return }
            if first.first == NameExchange.mark {
                return await NameExchange(connection: connection, gate: gate, policy: policy).run(first)
            }
            start = PrefixedConnection(first[...], connection)
        }
        do throws(ProxyReply.Refusal) {
            guard let opening = try await Opening.read(from: start, within: tunnel, watch: watch) else {
                return await connection.reset()
            }
            await serve(opening)
        } catch {
            if tunnel != nil, case .broken = error { noteUntrusted() }
            await refuse(error, in: .http)
        }
    }

    private func serve(_ opening: Opening) async {
        let request = opening.request
        let tally = Tally()
        let begin = ContinuousClock.now
        func note(_ outcome: EgressRecord.Outcome) {
            gate.note(
                EgressRecord(
                    host: "\(request.host)", port: request.port, method: request.method,
                    path: String(request.path.prefix { $0 != "?" }), outcome: outcome, isInspected: tunnel != nil,
                    bytesOut: tally.out, bytesIn: tally.in, duration: .now - begin))
        }
        do throws(ProxyReply.Refusal) {
            if request.form == .tunnel, try mustInspect(request) { return try await inspect(opening) }
            let addresses = try await addresses(of: request)
            let upstream = try await dial(request, addresses)
            try await gate.keeping(request, connection) { () async throws(ProxyReply.Refusal) in
                try await carry(opening, upstream, tally)
            }
            note(.carried)
            await drain()
        } catch {
            switch error {
            case .reply(let reply) where reply.status == .forbidden: note(.denied(reply.sentence))
            case .reply(let reply): note(.failed(reply.sentence))
            case .broken: note(.failed("The connection broke."))
            }
            await refuse(error, in: opening.dialect)
        }
    }

    private func refuse(_ refusal: ProxyReply.Refusal, in dialect: Opening.Dialect) async {
        guard case .reply(let reply) = refusal, (try? await connection.write(dialect.bytes(of: reply))) != nil else {
            return await connection.reset()
        }
        await connection.finish()
        await drain()
    }

    // MARK: - Decisions

    private func mustInspect(_ request: ProxyRequest) throws(ProxyReply.Refusal) -> Bool {
        switch policy.rules.verdict(on: request.host, port: request.port) {
        case .denied(let sentence): throw .reply(.forbidden, sentence)
        case .allowed:
            // Without an authority the placeholder goes out as it is, which gives nothing away.
            return policy.authority != nil && !SecretSwap(gate.secrets?.bindings ?? [], for: request.host).isEmpty
        case .inspected:
            guard policy.authority != nil else {
                throw .reply(
                    .forbidden,
                    "The sandbox may not reach \(request.host): the rules about its paths or methods need an authority that "
                        + "this sandbox does not have.")
            }
            return true
        }
    }

    private func addresses(of request: ProxyRequest) async throws(ProxyReply.Refusal) -> [IPAddress] {
        let verdict = policy.rules.verdict(on: request)
        let matching: [EgressRule]
        switch verdict {
        case .allowed(let rules), .inspected(let rules): matching = rules
        case .denied(let sentence): throw .reply(.forbidden, sentence)
        }
        let answers: [IPAddress]
        switch request.host {
        case .address(let address): answers = [address]
        case .name(let name):
            do throws(NameError) {
                answers = try await gate.context.resolver.addresses(of: name, within: limits.connect)
            } catch {
                switch error {
                case .unknown: throw .reply(.badGateway, "The name \(name) has no address.")
                case .timedOut: throw .reply(.timedOut, "The look-up of \(name) took too long.")
                case .busy: throw .reply(.unavailable, "Too many names are being looked up; try again.")
                }
            }
        }
        let reachable = policy.rules.reachable(answers, port: request.port, under: matching)
        guard !reachable.isEmpty else {
            throw .reply(.forbidden, policy.rules.refusal(of: request.host, under: matching, answers: answers))
        }
        return reachable
    }

    private func dial(
        _ request: ProxyRequest, _ addresses: [IPAddress]
    ) async throws(ProxyReply.Refusal) -> UpstreamDialer.Upstream {
        do {
            let context = request.form == .forward(isSecure: true) ? try await gate.context.tls.ready() : nil
            return try await UpstreamDialer.dial(
                addresses, port: request.port, tls: context.map { ($0, request.host) }, within: limits.connect)
        } catch let error as ChannelError {
            guard case .connectTimeout = error else { throw unreachable(request) }
            throw .reply(.timedOut, "\(request.host) did not answer on port \(request.port) in time.")
        } catch is CancellationError {
            throw .broken
        } catch {
            throw unreachable(request)
        }
    }

    private func unreachable(_ request: ProxyRequest) -> ProxyReply.Refusal {
        .reply(.badGateway, "\(request.host) could not be reached on port \(request.port).")
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
                    try await pipe.forward(request, opening.rest, inbound, outbound, swap)
                }
            }
        } catch let refusal as ProxyReply.Refusal {
            throw refusal
        } catch let error as NIOSSLError where error == .uncleanShutdown && pipe.hasAnswered {
            // Many hosts close without the goodbye of TLS. Whether the answer is whole its reader knows.
            if tunnel?.isSecure ?? false { await connection.reset() } else { await connection.finish() }
        } catch let error as ProxyRequestError where !pipe.hasAnswered {
            throw .reply(.badRequest, "The sandbox's egress gate cannot carry this request: \(error).")
        } catch  where !pipe.hasAnswered && !Task.isCancelled {
            // A refused certificate ends the connection, which may be all that is left to see of it.
            throw .reply(
                .badGateway,
                request.form == .forward(isSecure: true)
                    ? "\(request.host) could not be proven with TLS, or broke the connection: \(error)."
                    : "\(request.host) broke the connection before it answered.")
        } catch {
            throw .broken
        }
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

    private func noteUntrusted() {
        guard let tunnel else { return }
        gate.note(
            EgressRecord(
                host: "\(tunnel.host)", port: tunnel.port, method: "CONNECT", path: "",
                outcome: .failed("The program inside sent no request, or did not trust the environment's authority."),
                isInspected: true, bytesOut: 0, bytesIn: 0, duration: .zero))
    }

    /// Waits until the program inside has closed its side: before that, the end of an answer may not have reached it.
    private func drain() async {
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
