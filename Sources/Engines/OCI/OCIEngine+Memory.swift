internal import Glibc
internal import Logging
internal import Sandbox

/// Pause, snapshots and forks with the memory of the programs, where a container has a kernel of its own.
extension OCIEngine {
    /// Writes the programs' memory to disk and ends them. Where it cannot be saved they are frozen instead, as long as the host
    /// runs.
    func pauseGuest(_ id: SandboxID) throws(SystemError) {
        guard let ledger = ledger(id), ledger.isAlive else {
            throw SystemError("pause a sandbox that is gone", code: ESRCH)
        }
        let saved = paths.pausedContainer(id)
        do throws(SystemError) {
            guard let record = try save(id, to: saved) else {
                logger.info("memory with open files that are gone is frozen", metadata: ["sandbox_id": "\(id)"])
                return try groups.setFrozen(id, true)
            }
            try saved.put(record)
        } catch {
            saved.remove()
            // One that lives still has lost nothing.
            guard !ledger.isAlive else { throw error }
            logger.warning(
                "memory was lost: the sandbox goes on with its files",
                metadata: ["sandbox_id": "\(id)", "reason": "\(error.description)"])
        }
        removeNow(id)
    }

    /// Goes on with a paused sandbox. One that cannot go on is given up: its files are all on its disk. Blocks.
    /// - Returns: false when there is nothing to go on with.
    func wake(_ spec: SandboxSpec) -> Bool {
        let saved = paths.pausedContainer(spec.id)
        guard configuration.runtime.bringsKernel, let record = saved.record else { return false }
        do throws(SystemError) {
            try refuseForeign(record, spec)
            removeNow(spec.id)
            try prepare(spec)
            // From here on the files go their own way: the memory would not fit them a second time.
            guard saved.claim() else { throw SystemError("claim the saved memory") }
            try startGuest(spec, record, from: saved.image)
            saved.remove()
            return true
        } catch {
            logger.warning(
                "a paused sandbox cannot go on and starts anew with its files",
                metadata: ["sandbox_id": "\(spec.id)", "reason": "\(error.description)"])
            saved.remove()
            return false
        }
    }

    /// The programs stand still while memory and files are copied, and go on from the copy. Blocks; the caller has the lock.
    func snapshotGuest(_ id: SandboxID, as name: SnapshotID) throws(SystemError) {
        guard let ledger = ledger(id), ledger.isAlive else { throw SystemError("find the sandbox", code: ESRCH) }
        // The memory of an earlier one of this name must stay.
        guard shelf.seal(of: name) == nil else { throw SystemError("make the snapshot \(name)", code: EEXIST) }
        let sandbox = paths.sandbox(id)
        let memory = paths.containerMemory(name)
        guard let record = try save(id, to: memory) else {
            logger.info("a snapshot has files only: some open ones are gone", metadata: ["sandbox_id": "\(id)"])
            return try copies.keepNow(id, as: name)
        }
        let mark = "guest-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        do throws(SystemError) {
            try memory.put(record, mark: mark)
            try shelf.keep(sandbox.image, mountedAt: sandbox.work, mark, as: name)
        } catch {
            // The programs go on from the memory all the same.
            try? resume(id, record, hasProxy: ledger.hasProxy, from: memory)
            memory.remove()
            throw error
        }
        try resume(id, record, hasProxy: ledger.hasProxy, from: memory)
    }

    /// Starts the container that was just saved again, in its place.
    private func resume(
        _ id: SandboxID, _ record: ContainerRecord, hasProxy: Bool, from memory: SavedContainer
    ) throws(SystemError) {
        HostFiles.removeTree(runtimeState(id))
        var spec = SandboxSpec(id: id, network: hasProxy ? .allow(hosts: []) : .none)
        spec.limits.memoryBytes = record.memoryBytes
        spec.limits.processes = record.processes
        try startGuest(spec, record, from: memory.image)
    }

    /// Starts a session in the middle of what ran when a snapshot was made, with files of its own. Blocks.
    /// - Returns: false where only the files of a snapshot can be used, or there is none.
    func startFork(_ spec: SandboxSpec) throws(SystemError) -> Bool {
        let image = paths.sandbox(spec.id).image
        // Memory goes with the files that it was kept with, not with what the session has made of them since.
        guard configuration.runtime.bringsKernel, case .snapshot(let name) = spec.source,
            HostFiles.facts(image) == nil, let (memory, record) = memory(of: name)
        else { return false }
        do throws(SystemError) {
            try refuseForeign(record, spec)
            try prepare(spec)
            try startGuest(spec, record, from: memory.image)
            return true
        } catch {
            // Too small a disk is refused, with memory or without.
            guard error.code != ERANGE || HostFiles.facts(image) != nil else { throw error }
            logger.warning(
                "a snapshot's memory cannot be used: the session starts with its files",
                metadata: ["sandbox_id": "\(spec.id)", "reason": "\(error.description)"])
            removeNow(spec.id)
            // The programs may have run for a moment.
            unlink(image)
            return false
        }
    }

    /// The memory that was kept together with the snapshot of this name.
    func memory(of name: SnapshotID) -> (SavedContainer, ContainerRecord)? {
        let saved = paths.containerMemory(name)
        guard let seal = shelf.seal(of: name), saved.isMarked(seal.system), let record = saved.record else {
            return nil
        }
        return (saved, record)
    }

    /// Refuses saved memory that this host, or this request, cannot go on with.
    private func refuseForeign(_ record: ContainerRecord, _ spec: SandboxSpec) throws(SystemError) {
        guard record.format == (try memoryFormat()) else {
            throw SystemError("read memory of another runtime, daemon or root file system", code: EINVAL)
        }
        if let refusal = record.refusal(of: spec) {
            throw SystemError("use the saved memory: \(refusal)", code: EINVAL)
        }
    }

    /// Forgets what nobody can use any more, and sandboxes that were paused long ago. Blocks.
    func removeOldMemory(keeping live: Set<SandboxID>) {
        let limit = Int(configuration.retention.components.seconds)
        for id in HostFiles.names(in: paths.paused).compactMap({ SandboxID($0) }) where !live.contains(id) {
            let saved = paths.pausedContainer(id)
            guard let age = HostFiles.facts(saved.folder)?.age,
                age > limit || (saved.record == nil && age > Self.draftSeconds)
            else { continue }
            saved.remove()
        }
        for name in HostFiles.names(in: paths.memories).compactMap({ SnapshotID($0) }) {
            // One that is being written has no snapshot yet, and its folder changes.
            let memory = paths.containerMemory(name)
            guard shelf.seal(of: name) == nil, let age = HostFiles.facts(memory.folder)?.age, age > Self.draftSeconds
            else { continue }
            memory.remove()
        }
    }

    private static let draftSeconds = 3600
}
