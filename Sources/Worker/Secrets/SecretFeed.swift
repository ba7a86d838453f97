internal import Logging
internal import Sandbox
internal import Wire

/// Keeps the secrets of one session as our server has them, for as long as the session is served here.
///
/// They stay in this process: the sandbox gets the placeholders, its gate this table.
final class SecretFeed: Sendable {
    let table = SecretTable()
    /// Opens with the first answer: before it a sandbox would be made without its variables.
    let isKnown = Latch()

    /// How long a sandbox waits for the first answer. A call that waits longer is told why it does not run.
    let patience: Duration

    private let client: SessionClient
    private let logger: Logger
    /// Changes come at once; this bounds how late one that was missed comes.
    private static let wait = Duration.seconds(25)

    init(client: SessionClient, patience: Duration = .seconds(60), logger: Logger) {
        self.patience = patience
        self.client = client
        self.logger = logger
    }

    /// Runs until cancelled; then the table is empty.
    /// - Parameter bring: gives the sandbox the variables, with their placeholders, at first and when they change.
    func run(_ bring: ([String: String]) async -> Void) async {
        defer { table.replace(with: []) }
        var revision: String?
        var brought: [String: String] = [:]
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
        while !Task.isCancelled {
            do throws(WorkerError) {
                if let answer = try await client.secrets(after: revision, within: Self.wait) {
                    guard !Task.isCancelled else { return }
                    table.replace(with: answer.bindings)
                    revision = answer.revision
                    let variables = variables
                    if variables != brought { await bring(variables) }
                    brought = variables
                    isKnown.open()
                }
                backoff.reset()
            } catch {
                guard error.code != .cancelled else { return }
                if error.code == .unauthorized || error.code == .notFound {
                    // The lease is not ours now; what it gave us goes with it.
                    table.replace(with: [])
                    revision = nil
                }
                logger.warning("secrets not fetched", metadata: ["code": "\(error.code)"])
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
    }

    /// What programs inside get: a placeholder for every variable that a session may bring.
    private var variables: [String: String] {
        var variables: [String: String] = [:]
        for binding in table.bindings {
            if let reason = SandboxSettings.refusal(ofVariable: binding.variable) {
                logger.warning(
                    "a credential's variable stays out of the sandbox",
                    metadata: ["credential_id": "\(binding.credential)", "reason": "\(reason)"])
            } else {
                variables[binding.variable] = binding.placeholder
            }
        }
        return variables
    }
}
