/// Whether a server answers where commands and workers look for it.
struct ServerCheck: DoctorCheck {
    let address: String
    /// Whether a worker of these settings needs it.
    let isNeeded: Bool
    let probe: HTTPProbe

    func run() async -> [Finding] {
        let name = "server"
        do {
            let answer = try await probe.get(address + "/readyz")
            guard answer.status == 200 else {
                return [
                    Finding(
                        name, .warning, "\(address) is up but not ready (status \(answer.status))",
                        remedy: "look at its log")
                ]
            }
            return [Finding(name, .ok, "\(address) is ready")]
        } catch {
            return [
                Finding(
                    name, isNeeded ? .fatal : .ok, "no server runs at \(address)",
                    remedy: isNeeded ? "start it, or correct PERIMETER_SERVER_URL" : "start one with `perimeter up`")
            ]
        }
    }
}
