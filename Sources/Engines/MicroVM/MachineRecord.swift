internal import Sandbox

/// What must be known of a machine to use it, or a saved copy of it, later. Holds a secret: its files are for their owner only.
struct MachineRecord: Equatable, Sendable {
    /// What the first process of the guest listens to.
    var token: ExecdToken
    var mebibytes: Int
    var processors: Int
    /// The most processes and threads of the programs.
    var processes: Int
    var hasProxy: Bool
    /// Who can read a saved state: the monitor's format and the root image's identity, without white space.
    var format: String

    init(_ spec: SandboxSpec, token: ExecdToken, mebibytes: Int, processors: Int, format: String) {
        self.token = token
        self.mebibytes = mebibytes
        self.processors = processors
        processes = spec.limits.processes
        hasProxy = spec.network != .none
        self.format = format
    }

    /// Total: hostile text gives nil.
    init?(parsing text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 7, fields[0] == "machine-1", let token = ExecdToken(digits: fields[1]),
            let mebibytes = Int(fields[2]), let processors = Int(fields[3]), let processes = Int(fields[4]),
            fields[5] == "proxy" || fields[5] == "closed", mebibytes > 0, processors > 0, processes > 0,
            !fields[6].isEmpty
        else { return nil }
        self.token = token
        self.mebibytes = mebibytes
        self.processors = processors
        self.processes = processes
        hasProxy = fields[5] == "proxy"
        format = fields[6]
    }

    var text: String {
        let numbers = "\(mebibytes) \(processors) \(processes) \(hasProxy ? "proxy" : "closed")"
        return "machine-1 \(token.exposed) \(numbers) \(format)"
    }

    /// Why a machine like this cannot serve the request; nil when it can. Nothing of it can be changed while it lives.
    func refusal(of spec: SandboxSpec) -> String? {
        if hasProxy != (spec.network != .none) { return "it was made \(hasProxy ? "with" : "without") a way out" }
        if mebibytes << 20 > spec.limits.memoryBytes { return "it has \(mebibytes) MiB of memory" }
        return processes > spec.limits.processes ? "it may have \(processes) processes" : nil
    }
}

/// A living machine: its monitor's process, and the record.
struct MachineLedger: Equatable, Sendable {
    var process: SandboxLedger
    var record: MachineRecord

    init(process: SandboxLedger, record: MachineRecord) {
        self.process = process
        self.record = record
    }

    init?(parsing text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, lines[2].isEmpty, let process = SandboxLedger(parsing: String(lines[0])),
            let record = MachineRecord(parsing: String(lines[1]))
        else { return nil }
        self.init(process: process, record: record)
    }

    var text: String { process.text + record.text + "\n" }
}
