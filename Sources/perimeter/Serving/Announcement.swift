internal import Logging
internal import ServiceLifecycle

/// Says where the API is, once it is there.
struct Announcement: Service {
    let listening: ListeningPort
    let address: ListenAddress
    let keyFile: String?
    let modelProvider: String
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard let port = await listening.wait() else { return }
            let url = address.loopbackURL(port: port)
            logger.info("listening", metadata: ["url": "\(url)", "models": "\(modelProvider)"])
            if !address.isLoopback {
                logger.warning(
                    "the API is served without TLS beyond this host: put a TLS proxy in front of it",
                    metadata: ["address": "\(address)"])
            }
            if let keyFile { logger.info("the organisation's key is in a file", metadata: ["path": "\(keyFile)"]) }
            // A service that returns would end the group.
            try? await Task.sleep(for: .seconds(1 << 40))
        }
    }
}

extension ServerSide {
    func announcement(_ settings: Settings, _ logger: Logger) -> Announcement {
        Announcement(
            listening: listening, address: settings.listen,
            keyFile: settings.adminKey == nil ? KeyFile.admin(in: settings.dataDirectory).path : nil,
            modelProvider: settings.modelProvider, logger: logger)
    }
}
