internal import Wire

/// Places events on a scale that begins with the first one, also those that carry no time of their own.
struct TimelineClock: Sendable {
    private var origin: Timestamp?
    /// The server's clock minus ours, from the newest event with a time.
    private var offset: Duration = .zero

    /// The time of an event, by the server's clock.
    /// - Parameter now: this machine's clock, for events without a time.
    mutating func time(of event: JSON, now: Timestamp) -> Timestamp {
        let time: Timestamp
        if let stated = event["processed_at"]?.stringValue.flatMap({ Timestamp($0) }) {
            time = stated
            offset = stated.since(now)
        } else {
            time = now.advanced(by: offset)
        }
        if origin == nil { origin = time }
        return time
    }

    /// `12.3s`, `4m05s`, `2h03m`.
    func label(_ time: Timestamp) -> String { Self.text(time.since(origin ?? time)) }

    static func text(_ duration: Duration) -> String {
        let parts = duration.components
        let tenths = max(0, parts.seconds * 10 + parts.attoseconds / 100_000_000_000_000_000)
        let seconds = tenths / 10
        switch seconds {
        case ..<100: return "\(seconds).\(tenths % 10)s"
        case ..<6000: return "\(seconds / 60)m\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)s"
        default: return "\(seconds / 3600)h\(seconds / 60 % 60 < 10 ? "0" : "")\(seconds / 60 % 60)m"
        }
    }
}
