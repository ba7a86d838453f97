internal import Sandbox

/// What is known on the host of one container: written before it is asked for, so that it is found after any crash.
struct ContainerLedger: Equatable, Sendable {
    /// The attempt to create it, as its label says.
    var attempt: String
    var token: ExecdToken
    /// What its first process runs. An update of the worker brings another file; the containers that live keep theirs.
    var executable: FileIdentity
    var hasProxy: Bool
    var memoryBytes: Int
    var processes: Int
    var cpuPercent: Int
    /// The reference by which the image was asked for.
    var image: ImageReference

    init(attempt: String, token: ExecdToken, executable: FileIdentity, spec: SandboxSpec, image: ImageReference) {
        self.attempt = attempt
        self.token = token
        self.executable = executable
        hasProxy = spec.network != .none
        memoryBytes = spec.limits.memoryBytes
        processes = spec.limits.processes
        cpuPercent = spec.limits.cpuPercent
        self.image = image
    }

    init?(parsing text: String) {
        let fields = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count == 9, fields[0] == "1", Self.isAttempt(fields[1]), let token = ExecdToken(digits: fields[2]),
            let executable = FileIdentity(parsing: fields[3]),
            fields[4] == "proxy" || fields[4] == "closed", let memoryBytes = Int(fields[5]),
            let processes = Int(fields[6]), let cpuPercent = Int(fields[7]), let image = ImageReference(fields[8])
        else { return nil }
        attempt = fields[1]
        self.token = token
        self.executable = executable
        hasProxy = fields[4] == "proxy"
        self.memoryBytes = memoryBytes
        self.processes = processes
        self.cpuPercent = cpuPercent
        self.image = image
    }

    var text: String {
        "1 \(attempt) \(token.exposed) \(executable) \(hasProxy ? "proxy" : "closed") \(memoryBytes) \(processes) \(cpuPercent) "
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
