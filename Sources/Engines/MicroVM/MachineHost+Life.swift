internal import ExecdProtocol
internal import Glibc
internal import Sandbox

/// Machines of sessions.
extension MachineHost {
    /// Where a new machine goes on from.
    enum Origin {
        case template(MachineTemplate)
        /// A machine with its own memory. - Parameter token: of the saved one; nil when it is the session's own.
        case saved(SavedMachine, root: Int32, token: ExecdToken?)
    }

    /// Starts the machine of a session whose disk exists.
    /// - Returns: the connection to its daemon.
    func start(_ spec: SandboxSpec, _ record: MachineRecord, from origin: Origin) throws(SystemError) -> Int32 {
        let sandbox = paths.sandbox(spec.id)
        let work = open(sandbox.image, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard work >= 0 else { throw SystemError("open \(sandbox.image)") }
        defer { close(work) }
        try makeFolder(spec.id)
        let (memory, root): (Machine.Memory, Int32) =
            switch origin {
            case .template(let template): (.copy(of: template.memory), template.root)
            case .saved(_, let root, _): (.own, root)
            }
        let messages = try launch(spec.id, record, spec.limits, memory: memory, root: root, work: work)
        defer { close(messages) }
        do throws(SystemError) {
            return try enter(spec, record, origin)
        } catch {
            let text = Self.text(of: messages)
            throw text.isEmpty ? error : SystemError("\(error.what); the monitor said: \(text)", code: error.code)
        }
    }

    private func enter(
        _ spec: SandboxSpec, _ record: MachineRecord, _ origin: Origin
    ) throws(SystemError) -> Int32 {
        let deadline = ContinuousClock.now + configuration.bootDeadline
        let control = try control(spec.id, record)
        let state = try openState(origin)
        defer { close(state) }
        let port = paths.sandbox(spec.id).port
        switch origin {
        case .template:
            try control.restore(from: state, hasMemory: false)
            try control.resume()
            return try GuestPort.ask(
                .start(settings(spec, record), GuestPort.moment()), token: nil, at: port, until: deadline)
        case .saved(let saved, _, let token):
            try control.restore(from: state, hasMemory: true)
            // From here on the disk goes its own way: a saved memory of the session would not fit it any more.
            if token == nil { saved.remove() }
            try control.resume()
            return try GuestPort.ask(
                .attach(GuestPort.moment(), token: token.map { _ in Array(record.token.exposed.utf8) }),
                token: token ?? record.token, at: port, until: deadline)
        }
    }

    private func openState(_ origin: Origin) throws(SystemError) -> Int32 {
        switch origin {
        case .template(let template): return try template.openState()
        case .saved(let saved, _, _):
            let file = open(saved.state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { throw SystemError("open \(saved.state)") }
            return file
        }
    }

    private func settings(_ spec: SandboxSpec, _ record: MachineRecord) -> GuestSettings {
        GuestSettings(
            token: Array(record.token.exposed.utf8), processes: UInt32(clamping: spec.limits.processes),
            outputLimit: UInt32(clamping: spec.limits.outputBytes),
            proxyPort: record.hasProxy ? UInt16(BubblewrapArguments.proxyPort) : 0,
            environment: ProgramEnvironment.standard.map { "\($0.name)=\($0.value)" })
    }

    /// Comes back to a living machine, which may be halted.
    /// - Returns: the connection to its daemon.
    func attach(
        _ spec: SandboxSpec, _ record: MachineRecord, within limit: Duration
    ) throws(SystemError) -> Int32 {
        let deadline = ContinuousClock.now + limit
        try bound(spec.id, record, spec.limits)
        // Both would be there if a worker died while it paused the machine.
        paths.paused(spec.id).remove()
        try vmm.control(socket: paths.sandbox(spec.id).control, until: deadline).resume()
        return try GuestPort.ask(
            .attach(GuestPort.moment(), token: nil), token: record.token, at: paths.sandbox(spec.id).port,
            until: deadline)
    }

    // MARK: - Saved machines

    /// Saves a machine to disk and ends it. Its disk stays where it is.
    func pause(_ id: SandboxID, within limit: Duration) throws(SystemError) {
        guard let ledger = ledger(id), ledger.process.isAlive else {
            throw SystemError("pause a machine that is gone", code: ESRCH)
        }
        try writeBack(id, ledger, within: limit)
        let saved = paths.paused(id)
        saved.remove()
        try HostFiles.makeFolder(saved.folder, mode: 0o700)
        let control = try control(id, ledger.record)
        try control.halt()
        do throws(SystemError) {
            try write(control, to: saved.state)
            try saved.put(ledger.record)
        } catch {
            saved.remove()
            try? control.resume()
            throw error
        }
        remove(id)
    }

    /// Memory that is saved needs it not, but where it cannot be read later the files are all there.
    private func writeBack(_ id: SandboxID, _ ledger: MachineLedger, within limit: Duration) throws(SystemError) {
        // A worker may have died while the machine was halted.
        try control(id, ledger.record).resume()
        close(
            try GuestPort.ask(
                .sync, token: ledger.record.token, at: paths.sandbox(id).orders, until: .now + limit))
    }

    /// Keeps a copy of a machine and its disk, between two instructions of the guest, which then goes on.
    func snapshot(
        _ id: SandboxID, as name: SnapshotID, on shelf: SnapshotShelf, within limit: Duration
    ) throws(SystemError) {
        guard let ledger = ledger(id), ledger.process.isAlive else {
            throw SystemError("copy a machine that is gone", code: ESRCH)
        }
        guard shelf.seal(of: name) == nil else { throw SystemError("keep \(name)", code: EEXIST) }
        try writeBack(id, ledger, within: limit)
        let memory = paths.memory(name)
        // What is there has lost its files on the shelf, or never got them.
        memory.remove()
        try HostFiles.makeFolder(memory.folder, mode: 0o700)
        // Memory is used only with the very disk that it was copied with.
        let mark = "guest-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        do throws(SystemError) {
            let control = try control(id, ledger.record)
            try control.halt()
            do throws(SystemError) {
                try write(control, to: memory.state)
                try memory.put(ledger.record, mark: mark)
                try shelf.keep(paths.sandbox(id).image, mountedAt: nil, mark, as: name)
            } catch {
                try? control.resume()
                throw error
            }
            try control.resume()
        } catch {
            memory.remove()
            throw error
        }
    }

    private func write(_ control: any MachineControl, to path: String) throws(SystemError) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError("create \(path)") }
        defer { close(file) }
        try control.save(to: file, hasMemory: true)
        guard fsync(file) == 0 else { throw SystemError("write \(path)") }
    }
}
