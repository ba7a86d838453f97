/// One event of a `text/event-stream`.
struct SSEFrame: Equatable {
    /// The value of the last `event` line; nil when there was none.
    var event: String?
    /// All `data` lines, joined by line feeds.
    var data: [UInt8]
}
