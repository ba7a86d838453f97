internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Runs the long-lived parts until SIGTERM or SIGINT, then stops them in reverse order.
enum ServeGroup {
    /// - Parameter services: in the order of their start; a part that ends takes the others with it.
    static func run(_ services: [any Service], logger: Logger) async throws {
        // Below notice the group describes its parts member by member.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .notice)
        var configuration = ServiceGroupConfiguration(
            services: [SecondSignal()] + services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Longer than the worker's own drain time.
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// Ends the process at once when a second signal comes while it is shutting down.
///
/// The first part of the group, so the last one that is asked to stop.
private struct SecondSignal: Service {
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        await cancelWhenGracefulShutdown {
            var count = 0
            for await signal in signals {
                count += 1
                if count > 1 { ProcessExit.exitNow(signal == .sigint ? 130 : 143) }
            }
        }
    }
}
