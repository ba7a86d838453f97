/// How a timeline looks.
struct TimelineLayout: Sendable {
    /// Columns of a line.
    var width = 100
    var style = Style.plain
    /// Lines of one tool result that are shown.
    var outputLines = 12

    /// Columns in front of the text: time, kind and the gaps between them.
    static let indent = 22
    static let timeWidth = 7
    static let kindWidth = 11

    var textWidth: Int { max(24, width - Self.indent) }
    var margin: String { String(repeating: " ", count: Self.indent) }
}
