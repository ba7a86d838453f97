public import Wire

/// One tool call of the latest model response.
public struct CallState: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// A worker answers it, from the session's sandbox.
        case sandbox
        /// The client answers it.
        case custom
    }
    public var id: EventID
    public var kind: Kind
    public var name: String
    /// The id under which the model knows the call.
    public var modelID: String
    /// `allow`, `ask` or `deny`.
    public var permission: String
    /// What the person said about an `ask`: `allow`, `deny`, or nothing yet.
    public var verdict: String?
    public var denyMessage: String?
    /// The `tool_result` block for the model, once there is one.
    public var result: JSON?

    public var isSettled: Bool { result != nil }
    public var isDenied: Bool { permission == "deny" || verdict == "deny" }
    /// Waits for a person to allow or deny it.
    public var isAsking: Bool { permission == "ask" && verdict == nil }
    /// May be run by a worker now.
    public var isReleased: Bool {
        kind == .sandbox && !isSettled && (permission == "allow" || verdict == "allow")
    }
}
