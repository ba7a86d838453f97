internal import Archive
internal import ArgumentParser
internal import Logging
internal import Sandbox
internal import Wire

/// Snapshots on this worker's host.
struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Keep the snapshots of this worker's host.",
        discussion: "Run on the host of the worker, with its settings. Names are ENVIRONMENT-NAME.",
        subcommands: [
            SnapshotsList.self, SnapshotsExport.self, SnapshotsImport.self, SnapshotsRemove.self, SnapshotsPush.self,
            SnapshotsPull.self,
        ])
}

/// What all of them need.
struct SnapshotOptions: ParsableArguments {
    @OptionGroup(title: "Settings") var process: ProcessOptions

    /// The engine that `perimeter worker` would take here.
    func engine(_ settings: Settings? = nil) async throws -> any SandboxProvider {
        var settings = try settings ?? process.load().settings
        settings.worker.warmSandboxes = 0
        let engine = try SandboxEngines(settings: settings, logger: Logger.make("perimeter", settings)).chosen()
        let report = await engine.probe()
        guard report.isUsable else {
            throw CommandError(
                .failure, report.problems.first?.summary ?? "no engine works", remedy: "run `perimeter doctor`")
        }
        return engine
    }

    /// Runs `body` with the archive that the settings name.
    /// - Throws: ``CommandError`` `.usage` when they name none.
    func withArchive<Value: Sendable>(
        _ body: (SnapshotArchive, Settings) async throws -> Value
    ) async throws -> Value {
        let settings = try process.load().settings
        return try await SnapshotArchive.with(settings) { archive in
            guard let archive else {
                throw CommandError(
                    .usage, "there is no archive", remedy: "set PERIMETER_ARCHIVE_FOLDER, or PERIMETER_ARCHIVE_BUCKET")
            }
            do { return try await body(archive, settings) } catch let error as ArchiveFailure {
                throw CommandError(error.code == .notFound ? .notFound : .failure, error.message)
            }
        }
    }

    /// A path for a snapshot's file on its way; nothing is there.
    static func draft(_ settings: Settings) throws(CommandError) -> String {
        let folder = SnapshotArchive.drafts(settings)
        try DataDirectory.make(folder)
        return "\(folder)/export-\(UInt64.random(in: 0...UInt64.max))"
    }

    static func name(_ text: String) throws(CommandError) -> SnapshotID {
        guard let name = SnapshotID(text) else {
            throw CommandError(.usage, "'\(text.prefix(80))' is no snapshot's name")
        }
        return name
    }

    static func run(_ body: () async throws(SandboxError) -> Void) async throws(CommandError) {
        do throws(SandboxError) { try await body() } catch { throw CommandError(.failure, error.message) }
    }
}

struct SnapshotsExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write one as a file, for an archive.")
    @Argument(help: ArgumentHelp("Snapshot.", valueName: "name")) var name: String
    @Argument(help: ArgumentHelp("File that does not exist yet.", valueName: "file")) var file: String
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        let (engine, name) = (try await options.engine(), try SnapshotOptions.name(name))
        try await SnapshotOptions.run { () async throws(SandboxError) in try await engine.exportSnapshot(name, to: file)
        }
        Terminal.writeError("\(name) is in \(file), a sparse file: copy it with a tool that keeps holes\n")
    }
}

struct SnapshotsImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Read a file that `export` wrote.",
        discussion: "The file system in it is checked; still, import only what comes from workers that you trust.")
    @Argument(help: ArgumentHelp("Name for it, ENVIRONMENT-NAME.", valueName: "name")) var name: String
    @Argument(help: ArgumentHelp("File.", valueName: "file")) var file: String
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        let (engine, name) = (try await options.engine(), try SnapshotOptions.name(name))
        try await SnapshotOptions.run { () async throws(SandboxError) in
            try await engine.importSnapshot(name, from: file)
        }
        Terminal.writeError("imported as \(name)\n")
    }
}
