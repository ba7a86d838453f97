internal import Glibc
internal import Logging
public import Sandbox

extension DockerEngine {
    public func remove(_ id: SandboxID) async {
        await locks.withLock(id) {
            do throws(SandboxError) { try await clear(id) } catch {
                logger.error(
                    "a sandbox could not be removed and is left to the next sweep",
                    metadata: ["sandbox_id": "\(id)", "code": "\(error.code)", "reason": "\(error.message)"])
            }
        }
    }

    /// Removes a sandbox with all that was made for it, but its files. Its lock is held.
    ///
    /// What names it on this host goes last: while the container is there, so is the ledger.
    func clear(_ id: SandboxID) async throws(SandboxError) {
        let name = containerName(id)
        do throws(DaemonFailure) {
            if let found = try await daemon.inspect(name) {
                guard found.labels[ContainerLabels.owner] == owner else {
                    throw .refused(
                        status: 409, message: "'\(name)' is somebody else's container: remove or rename it")
                }
                try await daemon.remove(found.id)
            }
        } catch {
            throw SandboxError(error, while: "remove a container")
        }
        await offPool { [self] in
            disk.close(id)
            HostFiles.removeFolder(socket(id).folder)
            HostFiles.removeFolder(paths.sandbox(id).folder)
        }
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        let listed: [ListedContainer]
        do throws(DaemonFailure) { listed = try await daemon.list(label: ContainerLabels.owner) } catch {
            let reason = SandboxError(error, while: "list its containers").message
            logger.error("sandboxes of nobody cannot be found", metadata: ["reason": "\(reason)"])
            return
        }
        var known = await offPool { [paths] in
            Set(HostFiles.names(in: paths.sandboxes).compactMap { SandboxID($0) })
        }
        for container in listed {
            guard container.labels[ContainerLabels.owner] == owner else {
                await removeExpired(container)
                continue
            }
            if let id = container.labels[ContainerLabels.sandbox].flatMap({ SandboxID($0) }) {
                known.insert(id)
            } else {
                await removeContainer(container.id)
            }
        }
        for id in known where !live.contains(id) {
            logger.info("sandbox of nobody removed", metadata: ["sandbox_id": "\(id)"])
            await remove(id)
        }
        await offPool { [disk, shelf, paths, configuration] in
            disk.removeOld(keeping: live, after: Int(configuration.retention.components.seconds))
            shelf.removeDrafts()
            shelf.removeOrigins { HostFiles.facts(paths.workspaces + "/" + $0) != nil }
        }
    }

    /// Removes what another engine's owner has left and let expire. A container that runs is somebody's.
    private func removeExpired(_ container: ListedContainer) async {
        guard container.isIdle, let expires = container.labels[ContainerLabels.expires].flatMap({ Int($0) }),
            expires < Int(time(nil))
        else { return }
        await removeContainer(container.id)
    }

    private func removeContainer(_ container: String) async {
        do throws(DaemonFailure) {
            try await daemon.remove(container)
            logger.info("container of nobody removed", metadata: ["container": "\(container.prefix(12))"])
        } catch {
            logger.error(
                "a container of nobody cannot be removed",
                metadata: ["reason": "\(SandboxError(error, while: "remove a container").message)"])
        }
    }

    /// Removes every sandbox, and what the engine keeps on this host beside the sessions' files and snapshots. The engine is
    /// of no use afterwards.
    public func shutdown() async {
        await sweep(keeping: [])
        await offPool { [paths] in
            unlink(paths.execd)
            // These go only when nothing of a sandbox is left in them.
            rmdir(paths.sandboxes)
            rmdir(paths.runtime)
        }
    }
}
