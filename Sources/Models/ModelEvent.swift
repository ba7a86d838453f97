public import Wire

/// A part of a model's response while it streams.
public enum ModelEvent: Sendable, Equatable {
    /// The provider took the request; the usage holds the input counts known so far.
    case started(ModelUsage)
    /// A content block begins, with the block as the provider opened it.
    case blockStarted(index: Int, block: JSON)
    case textDelta(index: Int, text: String)
    case thinkingDelta(index: Int, text: String)
    /// A piece of the JSON text of a tool call's input.
    case inputDelta(index: Int, text: String)
    /// A content block is complete: tool input parsed, thinking signature in place. A tool call whose input was not a JSON
    /// object has `input: {}` here; ``ModelResponse/malformedToolInputs`` says why.
    case blockFinished(index: Int, block: JSON)
    case finished(ModelResponse)
}
