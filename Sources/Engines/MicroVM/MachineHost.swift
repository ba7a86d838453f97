internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Sandbox

/// Makes, freezes and ends machines on this host. Calls block.
struct MachineHost: Sendable {
    let configuration: MicroVMConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let vmm: any VMM
    let files: GuestSystemFiles

    /// For orders to a monitor, which answers at once unless it saves or restores: then it moves this much in a second, or is
    /// stuck.
    private static let orderLimit = Duration.seconds(60)
    private static let mebibytesPerSecond = 32
    private static let placeholderBytes: UInt64 = 16 << 20
    private static let endPause: UInt32 = 2000
    private static let endChecks = 5000

    /// Starts the monitor of a machine whose folder exists. The ledger is on disk before the guest runs, unless it boots.
    /// - Returns: the file that takes the monitor's messages.
    func launch(
        _ id: SandboxID, _ record: MachineRecord, _ limits: ResourceLimits, memory: Machine.Memory, root: Int32,
        work: Int32, boot: Machine.Boot? = nil
    ) throws(SystemError) -> Int32 {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        func keep(_ descriptor: Int32, _ what: String) throws(SystemError) -> Int32 {
            guard descriptor >= 0 else { throw SystemError(what) }
            descriptors.append(descriptor)
            return descriptor
        }
        let sandbox = paths.sandbox(id)
        try groups.create(id, bounds(record, limits))
        let null = try keep(open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null")
        let control = try keep(clinux_listen_unix(sandbox.control), "listen at \(sandbox.control)")
        let port = try keep(clinux_listen_unix(sandbox.port), "listen at \(sandbox.port)")
        let orders = try keep(clinux_listen_unix(sandbox.orders), "listen at \(sandbox.orders)")
        for path in [sandbox.control, sandbox.port, sandbox.orders] {
            guard chmod(path, 0o600) == 0 else { throw SystemError("chmod \(path)") }
        }
        let messages = clinux_memory_file("messages", nil, 0)
        guard messages >= 0 else { throw SystemError("memfd") }
        let machine = Machine(
            mebibytes: record.mebibytes, processors: record.processors, memory: memory, root: root, work: work,
            control: control, port: port, orders: orders, messages: messages, boot: boot)
        var program = vmm.program(machine, null: null)
        program.user = geteuid() == 0 ? ConfinedProgram.user(of: id) : nil
        program.group = vmm.group
        do throws(SystemError) {
            let pid = try program.start(in: groups, of: id)
            do throws(SystemError) {
                guard let startedAt = SandboxLedger.startTime(of: pid) else {
                    throw SystemError("the monitor ended at once: \(Self.text(of: messages))", code: ECHILD)
                }
                let process = SandboxLedger(pid: pid, startedAt: startedAt, hasProxy: record.hasProxy)
                try HostFiles.write(
                    MachineLedger(process: process, record: record).text, to: sandbox.ledger, mode: 0o600)
            } catch {
                Glibc.kill(pid, SIGKILL)
                _ = clinux_reap(pid, 1)
                throw error
            }
            return messages
        } catch {
            close(messages)
            throw error
        }
    }

    func makeFolder(_ id: SandboxID) throws(SystemError) {
        // Other engines may have sandboxes beside, which others than root have to reach.
        try HostFiles.makeFolder(paths.sandboxes, mode: 0o711)
        try HostFiles.makeFolder(paths.sandbox(id).folder, mode: 0o700)
    }

    /// The bounds of the monitor, of which the machine is a part.
    private func bounds(_ record: MachineRecord, _ limits: ResourceLimits) -> ResourceLimits {
        var bounds = limits
        bounds.memoryBytes = record.mebibytes << 20 + vmm.overheadBytes
        bounds.processes = vmm.threads
        return bounds
    }

    func bound(_ id: SandboxID, _ record: MachineRecord, _ limits: ResourceLimits) throws(SystemError) {
        try groups.create(id, bounds(record, limits))
    }

    func control(_ id: SandboxID, _ record: MachineRecord) throws(SystemError) -> any MachineControl {
        let limit = Self.orderLimit + .seconds(record.mebibytes / Self.mebibytesPerSecond)
        return try vmm.control(socket: paths.sandbox(id).control, until: .now + limit)
    }

    // MARK: - Templates

    /// Boots a machine up to where it needs its session, and freezes it.
    func bootTemplate(_ shape: MachineTemplate.Shape, as id: SandboxID) throws(SystemError) -> MachineTemplate {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        func keep(_ descriptor: Int32, _ what: String) throws(SystemError) -> Int32 {
            guard descriptor >= 0 else { throw SystemError(what) }
            descriptors.append(descriptor)
            return descriptor
        }
        let identity = try files.rootIdentity()
        let root = try keep(open(files.root, O_RDONLY | O_CLOEXEC), "open \(files.root)")
        let memory = try keep(clinux_sealable_file("memory", UInt64(shape.mebibytes) << 20), "memfd")
        let state = try keep(clinux_sealable_file("state", 0), "memfd")
        let console = try keep(clinux_memory_file("console", nil, 0), "memfd")
        let boot = Machine.Boot(
            kernel: try keep(open(files.kernel, O_RDONLY | O_CLOEXEC), "open \(files.kernel)"),
            initramfs: try keep(files.initramfs(), "initramfs"), console: console)
        let work = try keep(clinux_sealable_file("placeholder", Self.placeholderBytes), "memfd")
        let format = "\(vmm.stateFormat)+\(identity)"
        let record = MachineRecord(
            SandboxSpec(id: id), token: ExecdToken(), mebibytes: shape.mebibytes, processors: shape.processors,
            format: format)
        try makeFolder(id)
        defer { remove(id) }
        let messages = try keep(
            launch(
                id, record, ResourceLimits(cpuPercent: 100 * shape.processors), memory: .template(memory), root: root,
                work: work, boot: boot), "launch")
        do throws(SystemError) {
            close(
                try GuestPort.ask(
                    .ping, token: nil, at: paths.sandbox(id).port, until: .now + configuration.bootDeadline))
            let control = try control(id, record)
            try control.halt()
            try control.save(to: state, hasMemory: false)
        } catch {
            let words = [Self.text(of: messages), Self.text(of: console)].filter { !$0.isEmpty }
            throw SystemError(
                "boot a machine (\(error.what)\(words.isEmpty ? "" : "; it said: \(words.joined(separator: "; "))"))",
                code: error.code)
        }
        // Nobody may have it mapped for writing when it is sealed.
        kill(id)
        for file in [memory, state] {
            guard clinux_seal(file) == 0 else { throw SystemError("seal the template") }
        }
        descriptors.removeAll { [memory, state, root].contains($0) }
        return MachineTemplate(shape: shape, memory: memory, state: state, root: root, format: format)
    }

    // MARK: - Ends

    func ledger(_ id: SandboxID) -> MachineLedger? {
        HostFiles.text(paths.sandbox(id).ledger).flatMap { MachineLedger(parsing: $0) }
    }

    /// Asks the guest to write its files back and to turn itself off. What does not come to its end is left to ``kill(_:)``.
    func end(_ id: SandboxID, within limit: Duration) {
        guard let ledger = ledger(id), ledger.process.isAlive else { return }
        let deadline = ContinuousClock.now + limit
        do throws(SystemError) {
            // A worker may have died while the machine was halted.
            try vmm.control(socket: paths.sandbox(id).control, until: deadline).resume()
            try GuestPort.end(token: ledger.record.token, at: paths.sandbox(id).orders, until: deadline)
        } catch {
            return
        }
    }

    /// Ends the monitor at once. Whatever the guest had not written back is lost.
    func kill(_ id: SandboxID) {
        guard let process = ledger(id)?.process else { return }
        if process.isAlive { Glibc.kill(process.pid, SIGKILL) }
        for _ in 0..<Self.endChecks where process.isAlive { usleep(Self.endPause) }
        process.collect()
    }

    /// Removes what a machine has outside of its disk and saved states.
    /// - Returns: false when control groups stay behind.
    @discardableResult
    func remove(_ id: SandboxID) -> Bool {
        kill(id)
        let isGone = groups.destroy(id)
        ledger(id)?.process.collect()
        HostFiles.removeFolder(paths.sandbox(id).folder)
        return isGone
    }

    /// The end of what a file holds, in one line.
    static func text(of file: Int32) -> String {
        let size = lseek(file, 0, SEEK_END)
        var buffer = [UInt8](repeating: 0, count: 600)
        let count = pread(file, &buffer, buffer.count, max(0, size - off_t(buffer.count)))
        let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.joined(separator: "; ")
    }
}
