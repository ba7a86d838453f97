internal import Glibc
internal import Sandbox

extension EnginePaths {
    /// The saved memory of a paused sandbox.
    func pausedContainer(_ id: SandboxID) -> SavedContainer { SavedContainer(folder: "\(paused)/\(id)") }
    /// The memory that goes with a snapshot of this host.
    func containerMemory(_ name: SnapshotID) -> SavedContainer { SavedContainer(folder: "\(memories)/\(name)") }
}

/// The memory of a container's programs, on disk. Complete where there is a record, which is written last. Its files are
/// elsewhere: those of a paused sandbox stay where they are, those of a snapshot are on the shelf.
struct SavedContainer: Sendable {
    let folder: String
    /// A folder, in the runtime's own format.
    var image: String { "\(folder)/image" }
    /// In snapshots only: what the snapshot on the shelf says too, if the two were made together.
    private var mark: String { "\(folder)/mark" }
    private var recordPath: String { "\(folder)/container" }

    /// Nil when there is no complete one.
    var record: ContainerRecord? { HostFiles.text(recordPath).flatMap { ContainerRecord(parsing: $0) } }

    func isMarked(_ text: String) -> Bool { HostFiles.text(mark) == text }

    func prepare() throws(SystemError) {
        remove()
        try HostFiles.makeFolder(image, mode: 0o700)
        try HostFiles.makeFolder(folder, mode: 0o700)
    }

    /// Completes it.
    func put(_ record: ContainerRecord, mark text: String? = nil) throws(SystemError) {
        for name in HostFiles.names(in: image) { try Self.writeBack("\(image)/\(name)") }
        if let text { try HostFiles.write(text, to: mark, mode: 0o600) }
        try HostFiles.write(record.text, to: recordPath, mode: 0o600)
    }

    private static func writeBack(_ path: String) throws(SystemError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw SystemError("open \(path)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw SystemError("write \(path)") }
    }

    /// Takes the record away: what is in the folder can be loaded once more, and by nobody else.
    func claim() -> Bool { unlink(recordPath) == 0 }

    /// Bytes on disk.
    var bytes: Int {
        HostFiles.names(in: image).reduce(0) { total, name in
            var facts = stat()
            return lstat("\(image)/\(name)", &facts) == 0 ? total + Int(facts.st_blocks) * 512 : total
        }
    }

    func remove() {
        // The record first: without it the rest is nothing.
        unlink(recordPath)
        HostFiles.removeTree(folder)
    }
}
