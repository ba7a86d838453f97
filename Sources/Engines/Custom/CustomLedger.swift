internal import Glibc
internal import Sandbox

/// What is known here of the sandboxes of a hook: written before the hook hears of them. Calls block.
struct CustomLedger: Sendable {
    struct Entry: Equatable, Sendable {
        var token: ExecdToken
        var hasProxy: Bool
        /// Paused with its programs: connecting makes it go on.
        var isPaused: Bool
        /// Of the limits that it was made with.
        var limits: ResourceLimits

        init(token: ExecdToken, hasProxy: Bool, isPaused: Bool = false, limits: ResourceLimits) {
            self.token = token
            self.hasProxy = hasProxy
            self.isPaused = isPaused
            self.limits = limits
        }

        init?(parsing text: String) {
            let fields = text.split(whereSeparator: \.isWhitespace)
            guard fields.count == 9, fields[0] == "1", let token = ExecdToken(digits: String(fields[1])),
                ["proxy", "closed"].contains(fields[2]), ["paused", "running"].contains(fields[3])
            else { return nil }
            let numbers = fields[4...].compactMap { Int($0) }
            guard numbers.count == 5 else { return nil }
            self.init(
                token: token, hasProxy: fields[2] == "proxy", isPaused: fields[3] == "paused",
                limits: ResourceLimits(
                    memoryBytes: numbers[0], processes: numbers[1], cpuPercent: numbers[2], diskBytes: numbers[3],
                    outputBytes: numbers[4]))
        }

        var text: String {
            let numbers = [
                limits.memoryBytes, limits.processes, limits.cpuPercent, limits.diskBytes, limits.outputBytes,
            ].map { "\($0)" }.joined(separator: " ")
            return "1 \(token.exposed) \(hasProxy ? "proxy" : "closed") \(isPaused ? "paused" : "running") \(numbers)\n"
        }
    }

    let folder: String

    private var sandboxes: String { "\(folder)/sandboxes" }
    private func path(_ id: SandboxID) -> String { "\(sandboxes)/\(id)" }

    func owner() throws(SystemError) -> String { try OwnerName.kept(in: folder) }

    func entry(_ id: SandboxID) -> Entry? { HostFiles.text(path(id)).flatMap { Entry(parsing: $0) } }

    func write(_ entry: Entry, for id: SandboxID) throws(SystemError) {
        try HostFiles.makeFolder(sandboxes, mode: 0o700)
        try HostFiles.write(entry.text, to: path(id), mode: 0o600)
    }

    func forget(_ id: SandboxID) { unlink(path(id)) }

    var known: Set<SandboxID> { Set(HostFiles.names(in: sandboxes).compactMap { SandboxID($0) }) }
}
