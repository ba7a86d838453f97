internal import Glibc
internal import Logging
public import Sandbox

extension OCIEngine {
    /// Removes a sandbox with all that was made for it outside, but its files.
    public func remove(_ id: SandboxID) async {
        await offPool { [self] in removeNow(id) }
    }

    /// Needs no runtime: the kernel ends a container with the processes in its groups, and its state is in the sandbox's folder.
    func removeNow(_ id: SandboxID) {
        let sandbox = paths.sandbox(id)
        let ledger = HostFiles.text(sandbox.ledger).flatMap { SandboxLedger(parsing: $0) }
        if !groups.destroy(id) {
            logger.error("control groups of a sandbox stay behind", metadata: ["sandbox_id": "\(id)"])
        }
        removeRuntimeGroups(id)
        ledger?.collect()
        RootMount(in: sandbox.folder).close()
        disk.close(id)
        HostFiles.removeTree(bundle(id))
        HostFiles.removeTree(runtimeState(id))
        HostFiles.removeFolder(sandbox.folder)
    }

    /// Removes the groups that a runtime made in controllers which bound nothing here, or their parents.
    func removeRuntimeGroups(_ id: SandboxID?) {
        for controller in HostFiles.names(in: configuration.cgroupRoot) {
            rmdir("\(configuration.cgroupRoot)/\(controller)/perimeter-\(owner)" + (id.map { "/\($0)" } ?? ""))
        }
    }
}
