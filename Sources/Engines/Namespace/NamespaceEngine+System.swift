internal import Sandbox
internal import Synchronization

extension NamespaceEngine {
    private var base: SystemBase { SystemBase(folder: paths.systemBase) }

    func systemMounts(_ id: SandboxID) -> SystemMounts { SystemMounts(sandbox: paths.sandbox(id), base: base) }

    /// Names the host's system where sandboxes may change their copy of it.
    var system: String? {
        guard disk.usesImages, let trial = SandboxID("trial") else { return nil }
        let isPossible = canChangeSystem.withLock { known in
            let isPossible = known ?? SystemMounts.isPossible(base, SystemUsers(of: trial))
            known = isPossible
            return isPossible
        }
        return isPossible ? SystemBase.identity : nil
    }

    /// The system of a sandbox whose disk is open; nil for the host's as it is. Blocks.
    func openSystem(_ spec: SandboxSpec) throws(SystemError) -> SystemMounts.View? {
        let mounts = systemMounts(spec.id)
        guard spec.system == .writable || (disk.usesImages && mounts.exists) else { return nil }
        let layers = try systemLayers.withLock { known throws(SystemError) -> SystemBase.Layers in
            if let known { return known }
            let layers = try base.refresh()
            known = layers
            return layers
        }
        guard spec.system == .writable else { return try mounts.openReadOnly(layers) }
        return try mounts.openWritable(layers, SystemUsers(of: spec.id))
    }
}
