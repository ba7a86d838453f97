internal import NIOCore
internal import NIOPosix
internal import Sandbox

/// The requests of a tunnel that the gate reads: one after the other, each judged anew, over one connection to the host for as
/// long as both sides keep theirs.
extension Exchange {
    private enum Step {
        case over
        /// The host's connection cannot carry it; nothing of it has been sent.
        case another(Opening)
        case next(rest: ArraySlice<UInt8>, keepsHost: Bool)
    }
    /// Repeated when the host has just ended a connection that was used before (RFC 9110 §9.2.2).
    private static let repeatable: Set<String> = ["GET", "HEAD", "OPTIONS", "TRACE"]

    func runInTunnel() async {
        var following: Opening?
        do throws(ProxyReply.Refusal) {
            following = try await Opening.read(from: connection, within: tunnel, watch: watch)
        } catch {
            if case .broken = error { noteUntrusted() }
            return await refuse(error, in: .http)
        }
        guard following != nil else { return await connection.reset() }
        while let opening = following {
            var exchange = self
            exchange.policy = gate.currentPolicy
            following = await exchange.serveInTunnel(opening)
        }
    }

    /// - Returns: a request that needs another connection to the host; nil at the end, when the program's side has ended.
    private func serveInTunnel(_ asked: Opening) async -> Opening? {
        guard tunnel?.isSecure == true, !asked.request.asksForWebSocket else {
            await serve(asked)
            return nil
        }
        let (opening, leak) = withoutLeaks(asked)
        let note = ExchangeNote(of: self, opening.request, hidesPath: leak != nil)
        let upstream: UpstreamDialer.Upstream
        do throws(ProxyReply.Refusal) {
            if let leak { throw .reply(.forbidden, leak.sentence(opening.request.host)) }
            upstream = try await dial(opening.request, addresses(of: opening.request))
        } catch {
            await settle(error, note, in: .http)
            return nil
        }
        var following: Opening?
        do {
            try await upstream.executeThenClose { inbound, outbound in
                following = await converse(asked, UpstreamLink(upstream.channel, inbound, outbound))
            }
        } catch {
            // The host has not ended its side in order. All that it had to say has been carried.
        }
        return following
    }

    /// Carries requests while the connection to the host can be used.
    private func converse(_ first: Opening, _ link: UpstreamLink) async -> Opening? {
        var exchange = self
        var asked = first
        var isFirst = true
        while true {
            switch await exchange.carry(asked, link, isFirst: isFirst) {
            case .over: return nil
            case .another(let opening): return opening
            case .next(let rest, let keepsHost):
                guard let following = await exchange.following(rest) else { return nil }
                exchange.policy = gate.currentPolicy
                guard keepsHost, link.isOpen, exchange.mayUse(link, for: following) else { return following }
                (asked, isFirst) = (following, false)
            }
        }
    }

    /// The request after one that is done.
    private func following(_ rest: ArraySlice<UInt8>) async -> Opening? {
        do throws(ProxyReply.Refusal) {
            let start: any OutboundConnection = rest.isEmpty ? connection : PrefixedConnection(rest, connection)
            let opening = try await Opening.read(from: start, within: tunnel, watch: watch)
            if opening == nil { await connection.finish() }
            return opening
        } catch {
            await refuse(error, in: .http)
            return nil
        }
    }

    /// Whether the rules that allow a request lead to the address at the other end; others ask for a look-up of their own. What
    /// is refused needs no other connection either.
    private func mayUse(_ link: UpstreamLink, for asked: Opening) -> Bool {
        guard !asked.request.asksForWebSocket, let address = link.address else { return false }
        let (opening, leak) = withoutLeaks(asked)
        switch policy.rules.verdict(on: opening.request) {
        case _ where leak != nil: return true
        case .denied: return true
        case .allowed(let rules), .inspected(let rules):
            return !policy.rules.reachable([address], port: opening.request.port, under: rules).isEmpty
        }
    }

    private func carry(_ asked: Opening, _ link: UpstreamLink, isFirst: Bool) async -> Step {
        let (opening, leak) = withoutLeaks(asked)
        let request = opening.request
        let note = ExchangeNote(of: self, request, hidesPath: leak != nil)
        let pipe = UpstreamPipe(connection: connection, watch: watch, tally: note.tally)
        var outcome: (rest: ArraySlice<UInt8>, keepsHost: Bool)?
        do throws(ProxyReply.Refusal) {
            if let leak { throw .reply(.forbidden, leak.sentence(request.host)) }
            if case .denied(let sentence) = policy.rules.verdict(on: request) { throw .reply(.forbidden, sentence) }
            try await gate.keeping(request, connection) { () async throws(ProxyReply.Refusal) in
                do {
                    let swap = SecretSwap(gate.secrets?.bindings ?? [], for: request.host)
                    outcome = try await pipe.converse(request, opening.rest, link, swap, leaks: policy.leaks)
                    if outcome == nil { await connection.finish() }
                } catch {
                    guard let refusal = refusal(for: error, request, pipe) else { return await endUncleanly() }
                    throw refusal
                }
            }
        } catch {
            if !isFirst, !pipe.hasAnswered, case .reply(let reply) = error, reply.status == .badGateway,
                request.body == .none, Self.repeatable.contains(request.method)
            {
                return .another(asked)
            }
            await settle(error, note, in: .http)
            return .over
        }
        note(.carried)
        guard let outcome else {
            await drain()
            return .over
        }
        return .next(rest: outcome.rest, keepsHost: outcome.keepsHost)
    }
}
