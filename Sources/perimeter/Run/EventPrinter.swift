internal import Wire

/// Shows events on standard output: as a timeline, or as JSON lines.
struct EventPrinter {
    private var timeline: Timeline
    private let isJSON: Bool
    private let clock = SystemWallClock()
    /// Identifiers and times of printed events, so that those from the log and the stream are printed once.
    private var printed: Set<String> = []

    init(isJSON: Bool, outputLines: Int = 12) {
        self.isJSON = isJSON
        timeline = Timeline(
            layout: TimelineLayout(
                width: Terminal.isOutput ? Terminal.width : 120, style: Terminal.style, outputLines: outputLines))
    }

    mutating func show(_ event: JSON) {
        guard isJSON else { return Terminal.write(timeline.take(event, now: clock.now())) }
        if let id = event["id"]?.stringValue {
            guard printed.insert(id + (event["processed_at"]?.stringValue ?? "")).inserted else { return }
        }
        Terminal.write(event.text + "\n")
    }

    /// Ends an unfinished line before something else is printed.
    mutating func pause() {
        if !isJSON { Terminal.write(timeline.closePreview()) }
    }
}
