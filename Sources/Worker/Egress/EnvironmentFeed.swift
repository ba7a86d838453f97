internal import Logging
internal import Wire

/// Follows the environment of one served session, so that its rules count for the running sandbox at once.
struct EnvironmentFeed: Sendable {
    let client: SessionClient
    let logger: Logger
    /// Changes come at once; this bounds how late one that was missed comes.
    private static let wait = Duration.seconds(25)

    /// Runs until cancelled. Where the server cannot be asked, the rules stay as they were last heard of: the lease, which
    /// ends the session, decides how long.
    /// - Parameter apply: gets the environment as it is at first, and whenever it has changed.
    func run(_ apply: (EnvironmentAnswer) async -> Void) async {
        var revision: String?
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
        while !Task.isCancelled {
            do throws(WorkerError) {
                if let answer = try await client.environment(after: revision, within: Self.wait) {
                    guard !Task.isCancelled else { return }
                    await apply(answer)
                    revision = answer.revision
                }
                backoff.reset()
            } catch {
                guard error.code != .cancelled else { return }
                logger.warning("environment not fetched", metadata: ["code": "\(error.code)"])
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
    }
}
