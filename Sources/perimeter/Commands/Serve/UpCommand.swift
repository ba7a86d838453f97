internal import ArgumentParser
internal import Logging
internal import Sandbox
internal import Store
internal import Worker

/// Everything in one process.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Start server and worker in one process, with the embedded store.",
        discussion: "The worker serves every cloud environment; self_hosted ones wait for `perimeter worker`.")

    @OptionGroup var options: ServeOptions

    func run() async throws {
        let loaded = try options.load()
        let settings = loaded.settings
        let logger = Logger.make("perimeter", settings)
        for warning in loaded.warnings { logger.warning("settings", metadata: ["warning": "\(warning)"]) }
        let directory = try DataDirectory(settings.dataDirectory)
        let engine = try SandboxEngines(settings: settings, logger: logger).chosen()
        try await ServerSide.with(settings, directory, logger: logger) { side in
            let key = try KeyFile.worker(in: settings.dataDirectory).readOrCreate()
            try await side.store.ensureKey(KeySecret(key), kind: .cloudWorker, name: "worker of this host")
            guard let credential = Credential(key) else {
                throw CommandError(
                    .failure, "\(settings.dataDirectory)/worker-key holds no key", remedy: "remove the file")
            }
            let worker = WorkerSide(
                environment: "-", key: credential,
                serverURL: { [listening = side.listening] in
                    await listening.wait().map { settings.listen.loopbackURL(port: $0) }
                },
                settings: settings, engine: engine, logger: logger)
            try await ServeGroup.run(
                [side.server, side.orchestrator, side.announcement(settings, logger), worker], logger: logger)
        }
        // Nothing of this process stays behind but what is paused; the files of the sessions do.
        await WorkerSide.leave(engine, settings)
    }
}
