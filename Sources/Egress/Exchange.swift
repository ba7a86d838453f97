internal import NIOCore
internal import NIOPosix
internal import Sandbox

/// One connection from inside: its request, the decision over it, and the bytes that follow.
struct Exchange {
    let connection: any OutboundConnection
    let rules: EgressRules
    let limits: EgressLimits
    let resolver: any NameResolver
    let tls: UpstreamTLS
    let watch: ActivityWatch
    let onDenial: @Sendable (String) -> Void

    /// Serves the connection to its end. Throws when it broke.
    func run() async throws {
        do throws(ProxyReply.Refusal) {
            guard let (request, rest) = try await head() else { return await connection.reset() }
            let addresses = try await addresses(of: request)
            let upstream = try await dial(request, addresses)
            try await carry(request, rest, upstream)
        } catch {
            switch error {
            case .reply(let reply):
                if reply.status == .forbidden { onDenial(reply.sentence) }
                try await connection.write(reply.bytes)
                await connection.finish()
            case .broken: return await connection.reset()
            }
        }
        await drain()
    }

    private func head() async throws(ProxyReply.Refusal) -> (ProxyRequest, rest: ArraySlice<UInt8>)? {
        var bytes: [UInt8] = []
        do {
            while true {
                let searched = bytes.count
                guard let more = try await connection.read() else { return nil }
                watch.touch()
                bytes += more
                guard let length = try ProxyRequest.headLength(bytes, searched: searched) else { continue }
                return (try ProxyRequest(parsing: Array(bytes[..<length])), bytes[length...])
            }
        } catch let error as ProxyRequestError {
            switch error {
            case .malformed(let reason):
                throw .reply(.badRequest, "The sandbox's egress gate cannot carry this request: \(reason).")
            case .tooLong:
                throw .reply(
                    .headTooLarge,
                    "The request's head has more than \(ProxyRequest.maximumHead >> 10) KiB or 256 fields.")
            }
        } catch {
            throw .broken
        }
    }

    private func addresses(of request: ProxyRequest) async throws(ProxyReply.Refusal) -> [IPAddress] {
        let matching: [HostRule]
        switch rules.verdict(on: request.host, port: request.port) {
        case .allowed(let rules): matching = rules
        case .denied(let sentence): throw .reply(.forbidden, sentence)
        }
        let answers: [IPAddress]
        switch request.host {
        case .address(let address): answers = [address]
        case .name(let name):
            do throws(NameError) {
                answers = try await resolver.addresses(of: name, within: limits.connect)
            } catch {
                switch error {
                case .unknown: throw .reply(.badGateway, "The name \(name) has no address.")
                case .timedOut: throw .reply(.timedOut, "The look-up of \(name) took too long.")
                case .busy: throw .reply(.unavailable, "Too many names are being looked up; try again.")
                }
            }
        }
        let reachable = rules.reachable(answers, under: matching)
        guard !reachable.isEmpty else {
            throw .reply(.forbidden, rules.refusal(of: request.host, under: matching, answers: answers))
        }
        return reachable
    }

    private func dial(
        _ request: ProxyRequest, _ addresses: [IPAddress]
    ) async throws(ProxyReply.Refusal) -> UpstreamDialer.Upstream {
        do {
            let context = request.form == .forward(isSecure: true) ? try await tls.ready() : nil
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

    private func carry(
        _ request: ProxyRequest, _ rest: ArraySlice<UInt8>, _ upstream: UpstreamDialer.Upstream
    ) async throws(ProxyReply.Refusal) {
        let pipe = UpstreamPipe(connection: connection, watch: watch)
        do {
            switch request.form {
            case .tunnel:
                try await upstream.executeThenClose { inbound, outbound in
                    try await connection.write(ProxyReply.tunnelIsOpen)
                    try await pipe.tunnel(rest, inbound, outbound)
                }
            case .forward:
                try await upstream.executeThenClose { inbound, outbound in
                    try await pipe.forward(request, rest, inbound, outbound)
                }
            }
        } catch let refusal as ProxyReply.Refusal {
            throw refusal
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

    /// Waits until the program inside has closed its side: before that, the end of an answer may not have reached it.
    private func drain() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // A broken connection is as good an end as a closed one.
                while let bytes = try? await connection.read(), !bytes.isEmpty {}
            }
            group.addTask { try? await Task.sleep(for: limits.linger) }
            await group.next()
            group.cancelAll()
        }
        await connection.reset()
    }
}
