/// Something that answers Messages requests: a provider over the network, or the embedded rehearsal model.
public protocol ModelBackend: Sendable {
    /// The models this back end offers in listings.
    var models: [ModelInfo] { get }

    /// What this back end knows about a model id; nil when it does not serve it. May accept more ids than ``models`` lists.
    func info(for id: String) -> ModelInfo?

    /// Sends one request and returns the complete response.
    ///
    /// Never retries: the caller knows the session's retry budget. `onEvent` is awaited, so a slow receiver slows the
    /// stream down instead of filling a buffer.
    ///
    /// - Parameters:
    ///   - request: the conversation so far.
    ///   - onEvent: receives the parts of the response in order; ``ModelEvent/finished(_:)`` is the last one, and is not
    ///     sent when the call throws.
    /// - Throws: ``ModelError``; cancelling the task ends the stream at once with code `cancelled`.
    func respond(
        to request: ModelRequest, onEvent: @Sendable (ModelEvent) async -> Void
    ) async throws(ModelError) -> ModelResponse
}

extension ModelBackend {
    public func info(for id: String) -> ModelInfo? { models.first { $0.id == id } }
}
