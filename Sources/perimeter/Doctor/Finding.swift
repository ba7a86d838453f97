internal import Wire

/// What one check of `doctor` found, with what to do about it.
struct Finding: Sendable, Equatable {
    enum State: String, Sendable {
        case ok
        /// Works, but weaker or not as asked.
        case warning
        /// Something that was asked for cannot work.
        case fatal
    }

    var check: String
    var state: State
    var detail: String
    var remedy: String?

    init(_ check: String, _ state: State, _ detail: String, remedy: String? = nil) {
        self.check = check
        self.state = state
        self.detail = detail
        self.remedy = remedy
    }

    var json: JSON {
        ["check": .string(check), "state": .string(state.rawValue), "detail": .string(detail), "remedy": JSON(remedy)]
    }

    func line(_ style: Style) -> String {
        let mark =
            switch state {
            case .ok: style.paint("✓", .green)
            case .warning: style.paint("!", .yellow)
            case .fatal: style.paint("✗", .red)
            }
        let name = check + String(repeating: " ", count: max(0, 12 - check.count))
        let plain = PlainText.oneLine(detail, width: 2000)
        let rest = remedy.map { "\n                → " + PlainText.oneLine($0, width: 2000) } ?? ""
        return "\(mark) \(name)  \(plain)\(rest)\n"
    }
}
