/// An event that a client sends, checked (reference api-core §4.2). Ids and times are set when it is stored.
public struct ClientEvent: Sendable, Equatable {
    public var type: EventType
    public var fields: JSON.Object

    public init(type: EventType, fields: JSON.Object) {
        self.type = type
        self.fields = fields
    }

    /// The use event that a result or a confirmation settles.
    public var settledCall: String? {
        switch type {
        case .userToolResult, .userToolConfirmation: fields["tool_use_id"]?.stringValue
        case .userCustomToolResult: fields["custom_tool_use_id"]?.stringValue
        default: nil
        }
    }
}
