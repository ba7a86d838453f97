/// One server-sent event.
struct SSEFrame: Equatable, Sendable {
    /// The `event:` field; empty when the frame had none.
    var event: String
    /// The `data:` lines, joined with line feeds.
    var data: [UInt8]
}
