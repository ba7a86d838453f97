internal import Wire

/// What a tool call does, in one line: the command, the file, the pattern.
enum ToolInputSummary {
    static func text(name: String, input: JSON?, width: Int) -> String {
        let input = input ?? .null
        func member(_ key: String) -> String? { input[key]?.stringValue }
        let text: String?
        switch name {
        case "bash":
            text = member("command") ?? (input["restart"]?.boolValue == true ? "restart the shell" : nil)
        case "read":
            let range = input["view_range"]?.arrayValue?.compactMap(\.intValue).map(String.init).joined(separator: "–")
            text = member("file_path").map { $0 + (range.map { " lines \($0)" } ?? "") }
        case "write":
            text = member("file_path").map { path in
                path + (member("content").map { " (\($0.utf8.count) bytes)" } ?? "")
            }
        case "edit": text = member("file_path")
        case "glob", "grep":
            text = member("pattern").map { pattern in pattern + (member("path").map { " in \($0)" } ?? "") }
        case "web_fetch": text = member("url")
        case "web_search": text = member("query")
        default: text = nil
        }
        return PlainText.oneLine(text ?? (input.objectValue?.isEmpty == true ? "" : input.text), width: width)
    }
}
