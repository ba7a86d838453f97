internal import Glibc
internal import Logging
public import Sandbox

extension OCIEngine {
    /// Removes a sandbox with all that was made for it outside, but its files.
    public func remove(_ id: SandboxID) async {
        await offPool { [self] in
            removeNow(id)
            paths.pausedContainer(id).remove()
        }
    }

    /// Needs no runtime: the kernel ends a container with the processes in its groups, and its state is in the sandbox's folder.
    func removeNow(_ id: SandboxID) {
        let sandbox = paths.sandbox(id)
        var ended = ledger(id).map { [$0] } ?? []
        if configuration.runtime.bringsKernel {
            // Each has more than one process, and all may be this one's children where it is the first of its namespace.
            ended += groups.processes(id).compactMap { pid in
                SandboxLedger.startTime(of: pid).map { SandboxLedger(pid: pid, startedAt: $0, hasProxy: false) }
            }
        }
        if !groups.destroy(id) {
            logger.error("control groups of a sandbox stay behind", metadata: ["sandbox_id": "\(id)"])
        }
        removeRuntimeGroups(id)
        for process in ended { process.collect() }
        RootMount(in: sandbox.folder).close()
        disk.close(id)
        HostFiles.removeTree(bundle(id))
        HostFiles.removeTree(runtimeState(id))
        HostFiles.removeFolder(sandbox.folder)
    }

    func ledger(_ id: SandboxID) -> SandboxLedger? {
        HostFiles.text(paths.sandbox(id).ledger).flatMap { SandboxLedger(parsing: $0) }
    }

    /// Removes the groups that a runtime made in controllers which bound nothing here, or their parents.
    func removeRuntimeGroups(_ id: SandboxID?) {
        for controller in HostFiles.names(in: configuration.cgroupRoot) {
            rmdir("\(configuration.cgroupRoot)/\(controller)/perimeter-\(owner)" + (id.map { "/\($0)" } ?? ""))
        }
    }
}
