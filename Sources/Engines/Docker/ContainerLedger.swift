internal import Sandbox

/// What is known on the host of one container: written before it is asked for, so that it is found after any crash.
struct ContainerLedger: Equatable, Sendable {
    /// The attempt to create it, as its label says.
    var attempt: String
    var token: ExecdToken
    var hasProxy: Bool
    var memoryBytes: Int
    var processes: Int
    var cpuPercent: Int
    /// The reference by which the image was asked for.
    var image: ImageReference

    init(attempt: String, token: ExecdToken, spec: SandboxSpec, image: ImageReference) {
        self.attempt = attempt
        self.token = token
        hasProxy = spec.network != .none
        memoryBytes = spec.limits.memoryBytes
        processes = spec.limits.processes
        cpuPercent = spec.limits.cpuPercent
        self.image = image
    }

    init?(parsing text: String) {
        let fields = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count == 8, fields[0] == "1", Self.isAttempt(fields[1]), let token = ExecdToken(digits: fields[2]),
            fields[3] == "proxy" || fields[3] == "closed", let memoryBytes = Int(fields[4]),
            let processes = Int(fields[5]), let cpuPercent = Int(fields[6]), let image = ImageReference(fields[7])
        else { return nil }
        attempt = fields[1]
        self.token = token
        hasProxy = fields[3] == "proxy"
        self.memoryBytes = memoryBytes
        self.processes = processes
        self.cpuPercent = cpuPercent
        self.image = image
    }

    var text: String {
        "1 \(attempt) \(token.exposed) \(hasProxy ? "proxy" : "closed") \(memoryBytes) \(processes) \(cpuPercent) "
            + "\(image.text)\n"
    }

    mutating func take(_ limits: ResourceLimits) {
        (memoryBytes, processes, cpuPercent) = (limits.memoryBytes, limits.processes, limits.cpuPercent)
    }

    func hasBounds(_ limits: ResourceLimits) -> Bool {
        (memoryBytes, processes, cpuPercent) == (limits.memoryBytes, limits.processes, limits.cpuPercent)
    }

    static func newAttempt() -> String { String(UInt64.random(in: 0...UInt64.max), radix: 16) }
    private static func isAttempt(_ text: String) -> Bool { UInt64(text, radix: 16) != nil && text.utf8.count <= 16 }
}
