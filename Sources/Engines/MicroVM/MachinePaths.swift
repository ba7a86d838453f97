internal import Glibc
internal import Sandbox

extension EnginePaths {
    var paused: String { "\(state)/paused" }
    var memories: String { "\(state)/memories" }
    /// The saved state of a paused machine.
    func paused(_ id: SandboxID) -> SavedMachine { SavedMachine(folder: "\(paused)/\(id)") }
    /// The memory that goes with a snapshot of this host.
    func memory(_ name: SnapshotID) -> SavedMachine { SavedMachine(folder: "\(memories)/\(name)") }
}

extension SandboxPaths {
    /// Where the monitor takes orders.
    var control: String { "\(folder)/control.sock" }
    /// Where the guest's first process, and then its daemon, is spoken to.
    var port: String { "\(folder)/port.sock" }
    /// Where the first process is spoken to while the daemon is in use.
    var orders: String { "\(folder)/orders.sock" }
}

/// The memory and devices of a machine, on disk. Complete where there is a record, which is written last. Its work disk is
/// elsewhere: that of a paused machine stays where it is, that of a snapshot is on the shelf.
struct SavedMachine: Sendable {
    let folder: String
    var state: String { "\(folder)/state" }
    /// In snapshots only: what the snapshot on the shelf says too, if the two were made together.
    private var mark: String { "\(folder)/mark" }
    private var recordPath: String { "\(folder)/machine" }

    /// Nil when there is no complete one.
    var record: MachineRecord? { HostFiles.text(recordPath).flatMap { MachineRecord(parsing: $0) } }

    func isMarked(_ text: String) -> Bool { HostFiles.text(mark) == text }

    func put(_ record: MachineRecord, mark text: String? = nil) throws(SystemError) {
        if let text { try HostFiles.write(text, to: mark, mode: 0o600) }
        try HostFiles.write(record.text, to: recordPath, mode: 0o600)
    }

    /// Bytes on disk.
    var bytes: Int {
        var facts = stat()
        return stat(state, &facts) == 0 ? Int(facts.st_blocks) * 512 : 0
    }

    func remove() {
        // The record first: without it the rest is nothing.
        unlink(recordPath)
        HostFiles.removeFolder(folder)
    }
}
