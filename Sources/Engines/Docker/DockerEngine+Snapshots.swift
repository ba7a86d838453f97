public import Sandbox

extension DockerEngine {
    /// Freezes the programs inside; their memory stays resident.
    public func pause(_ id: SandboxID) async throws(SandboxError) {
        try await locks.withLock(id) { () async throws(SandboxError) in
            do throws(DaemonFailure) { try await daemon.pause(containerName(id)) } catch {
                throw SandboxError(error, while: "pause a container")
            }
        }
    }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        try await locks.withLock(id) { () async throws(SandboxError) in
            guard let ledger = await ledger(id) else { throw SandboxError(.lost, "the sandbox is gone") }
            let container = containerName(id)
            let wasRunning = try await freeze(container)
            let result = await offPool { [self] () -> Result<Void, SystemError> in
                do throws(SystemError) {
                    try shelf.keep(
                        paths.sandbox(id).image, mountedAt: paths.sandbox(id).work, ledger.image.text, as: name)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            if wasRunning {
                do throws(DaemonFailure) { try await daemon.unpause(container) } catch {
                    throw SandboxError(error, while: "let a container go on")
                }
            }
            do throws(SystemError) { try result.get() } catch { throw SandboxError(snapshot: error) }
        }
    }

    /// Nothing inside may write while its files are copied. - Returns: whether it was running.
    private func freeze(_ container: String) async throws(SandboxError) -> Bool {
        do throws(DaemonFailure) {
            guard let facts = try await daemon.inspect(container), facts.isRunning else {
                throw .refused(status: 404, message: "the sandbox is gone")
            }
            if facts.isPaused { return false }
            try await daemon.pause(container)
            return true
        } catch {
            throw SandboxError(error, while: "pause a container")
        }
    }

    public func snapshots() async -> [Snapshot] { await offPool { [shelf] in shelf.all } }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        await offPool { [shelf] in shelf.remove(name) }
    }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await onShelf { (shelf) throws(SystemError) in try shelf.export(name, to: path) }
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await onShelf { (shelf) throws(SystemError) in try shelf.take(name, from: path) }
    }

    private func onShelf(
        _ body: @escaping @Sendable (SnapshotShelf) throws(SystemError) -> Void
    ) async throws(SandboxError) {
        let result = await offPool { [shelf] () -> Result<Void, SystemError> in
            do throws(SystemError) {
                try body(shelf)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        do throws(SystemError) { try result.get() } catch { throw SandboxError(snapshot: error) }
    }
}
