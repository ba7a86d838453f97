/// Whether the API's address is free, or served by Perimeter already.
struct ListenCheck: DoctorCheck {
    let address: ListenAddress
    let probe: HTTPProbe

    func run() async -> [Finding] {
        let name = "listen"
        guard address.port != 0 else { return [Finding(name, .ok, "a free port of \(address.host) is taken at start")] }
        let url = address.loopbackURL()
        do {
            let answer = try await probe.get(url + "/healthz")
            guard answer.status == 200 else {
                return [
                    Finding(
                        name, .fatal, "another server answers at \(url) (status \(answer.status) for /healthz)",
                        remedy: "stop it, or choose another address with --listen or PERIMETER_LISTEN")
                ]
            }
            return [Finding(name, .ok, "a server is running at \(url)")]
        } catch {
            // Nobody answers HTTP there; whether the port can be had shows when it is taken.
        }
        guard let problem = PortProbe.problem(address) else { return relaxed(Finding(name, .ok, "\(address) is free")) }
        return [
            Finding(
                name, .fatal, "\(address) cannot be taken: \(problem)",
                remedy: "choose another address with --listen or PERIMETER_LISTEN")
        ]
    }

    private func relaxed(_ finding: Finding) -> [Finding] {
        guard !address.isLoopback else { return [finding] }
        return [
            finding,
            Finding(
                "listen", .warning, "\(address) is reachable from other hosts without TLS",
                remedy: "put a TLS proxy in front, or listen on 127.0.0.1"),
        ]
    }
}
