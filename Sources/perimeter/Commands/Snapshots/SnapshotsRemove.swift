internal import Archive
internal import ArgumentParser
internal import Sandbox

/// Some snapshots of this host, or of the archive.
struct SnapshotsRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove some.")
    @Argument(help: ArgumentHelp("Snapshots.", valueName: "name")) var names: [String]
    @Flag(name: .long, help: "Remove them from the archive instead of this host.") var archive = false
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        if archive { return try await removeFromArchive() }
        let engine = try await options.engine()
        let known = Set(await engine.snapshots().map(\.id))
        for text in names {
            let name = try SnapshotOptions.name(text)
            guard known.contains(name) else { throw CommandError(.notFound, "there is no snapshot '\(name)'") }
            try await SnapshotOptions.run { () async throws(SandboxError) in try await engine.removeSnapshot(name) }
            Terminal.writeError("\(name) removed\n")
        }
    }

    private func removeFromArchive() async throws {
        try await options.withArchive { archive, _ in
            let known = try await archive.list()
            for name in names {
                guard let entry = known.first(where: { $0.name == name }) else {
                    throw CommandError(.notFound, "the archive has no snapshot '\(name.prefix(80))'")
                }
                try await archive.remove(entry)
                Terminal.writeError("\(name) removed from \(archive.label)\n")
            }
        }
    }
}
