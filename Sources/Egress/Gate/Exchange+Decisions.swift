internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

extension Exchange {
    func mustInspect(_ request: ProxyRequest) throws(ProxyReply.Refusal) -> Bool {
        switch policy.rules.verdict(on: request.host, port: request.port) {
        case .denied(let sentence): throw .reply(.forbidden, sentence)
        case .allowed:
            guard policy.leaks.isEmpty || policy.authority != nil else {
                throw .reply(
                    .forbidden,
                    "The sandbox may not reach \(request.host): the rules about leaks need an authority that this sandbox does "
                        + "not have.")
            }
            if !policy.leaks.isEmpty { return true }
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

    func addresses(of request: ProxyRequest) async throws(ProxyReply.Refusal) -> [IPAddress] {
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

    func dial(
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
}
