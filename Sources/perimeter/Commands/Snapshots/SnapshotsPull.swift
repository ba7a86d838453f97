internal import Archive
internal import ArgumentParser
internal import FoundationEssentials
internal import Sandbox

/// A snapshot of the archive, onto this host.
struct SnapshotsPull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Bring one back from the archive that the settings name.",
        discussion: """
            What comes back is checked against the hash that was written down when it was archived, and its file system like that of \
            every import.
            """)
    @Argument(help: ArgumentHelp("Snapshot.", valueName: "name")) var name: String
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        try await options.withArchive { archive, settings in
            let (engine, id) = (try await options.engine(settings), try SnapshotOptions.name(name))
            guard await !engine.snapshots().contains(where: { $0.id == id }) else {
                throw CommandError(.failure, "a snapshot '\(id)' is here already")
            }
            let file = try SnapshotOptions.draft(settings)
            defer { try? FileManager.default.removeItem(atPath: file) }
            let entry = try await archive.pull(name, to: file)
            guard entry.engine == engine.name else {
                throw CommandError(
                    .failure, "'\(name)' is one of the \(entry.engine) engine; this worker's is \(engine.name)")
            }
            try await SnapshotOptions.run { () async throws(SandboxError) in
                try await engine.importSnapshot(id, from: file)
            }
            Terminal.writeError("\(name) is here\n")
        }
    }
}
