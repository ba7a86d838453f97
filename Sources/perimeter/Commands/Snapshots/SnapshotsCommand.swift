internal import ArgumentParser
internal import Logging
internal import Sandbox
internal import Wire

/// Snapshots on this worker's host.
struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Keep the snapshots of this worker's host.",
        discussion: "Run on the host of the worker, with its settings. Names are ENVIRONMENT-NAME.",
        subcommands: [SnapshotsList.self, SnapshotsExport.self, SnapshotsImport.self, SnapshotsRemove.self])
}

/// What all of them need.
struct SnapshotOptions: ParsableArguments {
    @OptionGroup(title: "Settings") var process: ProcessOptions

    /// The engine that `perimeter worker` would take here.
    func engine() async throws -> any SandboxProvider {
        var settings = try process.load().settings
        settings.worker.warmSandboxes = 0
        let engine = try SandboxEngines(settings: settings, logger: Logger.make("perimeter", settings)).chosen()
        let report = await engine.probe()
        guard report.isUsable else {
            throw CommandError(
                .failure, report.problems.first?.summary ?? "no engine works", remedy: "run `perimeter doctor`")
        }
        return engine
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

struct SnapshotsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List them, the newest first.")
    @OptionGroup var options: SnapshotOptions

    @Flag(name: .long, help: "Print objects, one per line, instead of text for people.")
    var json = false

    func run() async throws {
        let snapshots = try await options.engine().snapshots()
        let now = SystemWallClock().now()
        let objects = snapshots.map { snapshot -> JSON in
            [
                "name": .string(snapshot.id.rawValue), "bytes": JSON(snapshot.bytes),
                "created_at": JSON(Timestamp(microseconds: Int64(snapshot.createdAt) * 1_000_000)),
            ]
        }
        Printer(isJSON: json).many(objects, table: Table("NAME", "SIZE", "AGE"), none: "no snapshots") {
            table, object in
            table.add(
                object["name"]?.stringValue ?? "-", "\((object["bytes"]?.intValue ?? 0) >> 10) KiB",
                Age.text(object["created_at"]?.stringValue, now: now))
        }
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

struct SnapshotsRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove some.")
    @Argument(help: ArgumentHelp("Snapshots.", valueName: "name")) var names: [String]
    @OptionGroup var options: SnapshotOptions

    func run() async throws {
        let engine = try await options.engine()
        let known = Set(await engine.snapshots().map(\.id))
        for text in names {
            let name = try SnapshotOptions.name(text)
            guard known.contains(name) else { throw CommandError(.notFound, "there is no snapshot '\(name)'") }
            try await SnapshotOptions.run { () async throws(SandboxError) in try await engine.removeSnapshot(name) }
            Terminal.writeError("\(name) removed\n")
        }
    }
}
