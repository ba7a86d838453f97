internal import Logging
internal import Wire

/// Writes one line per log event to standard error: text for people, or JSON for collectors.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let isJSON: Bool
    private let clock = SystemWallClock()

    init(level: Logger.Level, isJSON: Bool) {
        logLevel = level
        self.isJSON = isJSON
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = metadata
        if let added = event.metadata { facts.merge(added) { $1 } }
        let named = facts.map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
        Terminal.writeError(line(event.level, "\(event.message)", named))
    }

    func line(_ level: Logger.Level, _ message: String, _ facts: [(key: String, value: String)]) -> String {
        if isJSON {
            var object: JSON = [
                "time": JSON(clock.now()), "level": .string(level.rawValue), "message": .string(message),
            ]
            for fact in facts where !["time", "level", "message"].contains(fact.key) {
                object[fact.key] = .string(fact.value)
            }
            return object.text + "\n"
        }
        let rest = facts.map { " \($0.key)=\(Self.quoted($0.value))" }.joined()
        let padded = level.rawValue + String(repeating: " ", count: max(0, 8 - level.rawValue.count))
        return "\(clock.now()) \(padded) \(PlainText.oneLine(message, width: 2000))\(rest)\n"
    }

    private static func quoted(_ value: String) -> String {
        let plain = PlainText.oneLine(value, width: 2000)
        return plain.contains(" ") || plain.isEmpty ? JSON.string(plain).text : plain
    }
}

extension Logger {
    /// A logger as the settings ask for.
    static func make(_ label: String, _ settings: Settings) -> Logger {
        let level = Level(rawValue: settings.logLevel) ?? .info
        return Logger(label: label) { _ in LineLogHandler(level: level, isJSON: settings.logFormat == "json") }
    }
}
