internal import Archive
internal import ArgumentParser
internal import FoundationEssentials
internal import Sandbox

/// A snapshot of this host, into the archive.
struct SnapshotsPush: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Copy one into the archive that the settings name.",
        discussion: "Its holes are left out. It stays on this host until it is removed, or its time is over.")
    @Argument(help: ArgumentHelp("Snapshot.", valueName: "name")) var name: String
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        try await options.withArchive { archive, settings in
            let (engine, id) = (try await options.engine(settings), try SnapshotOptions.name(name))
            guard let snapshot = await engine.snapshots().first(where: { $0.id == id }) else {
                throw CommandError(.notFound, "there is no snapshot '\(id)'")
            }
            let file = try SnapshotOptions.draft(settings)
            defer { try? FileManager.default.removeItem(atPath: file) }
            try await SnapshotOptions.run { () async throws(SandboxError) in
                try await engine.exportSnapshot(id, to: file)
            }
            let entry = try await archive.push(file, as: name, engine: engine.name, createdAt: snapshot.createdAt)
            Terminal.writeError("\(name) is in \(archive.label), \(entry.packed >> 10) KiB\n")
        }
    }
}
