internal import Wire

/// Shows one object as indented names and values, as far as it goes.
enum Details {
    static func render(_ json: JSON, style: Style) -> String {
        var text = ""
        write(json, depth: 0, style: style, to: &text)
        return text
    }

    private static func write(_ json: JSON, depth: Int, style: Style, to text: inout String) {
        guard case .object(let object) = json else { return }
        let indent = String(repeating: "  ", count: depth)
        for member in object.members where !isEmpty(member.value) {
            let name = style.paint(PlainText.oneLine(member.key, width: 128) + ":", .dim)
            switch member.value {
            case .object:
                text += "\(indent)\(name)\n"
                write(member.value, depth: depth + 1, style: style, to: &text)
            case .array(let items) where items.contains(where: { $0.objectValue != nil }):
                text += "\(indent)\(name)\n"
                for item in items { text += "\(indent)  - \(PlainText.oneLine(item.text, width: 4096))\n" }
            case .array(let items):
                let joined = items.map { $0.stringValue ?? $0.text }.joined(separator: ", ")
                text += "\(indent)\(name) \(PlainText.oneLine(joined, width: 4096))\n"
            case .string(let value):
                let lines = PlainText.sanitised(value).split(separator: "\n", omittingEmptySubsequences: false)
                text += "\(indent)\(name) \(lines.joined(separator: "\n\(indent)  "))\n"
            default:
                text += "\(indent)\(name) \(member.value.text)\n"
            }
        }
    }

    private static func isEmpty(_ json: JSON) -> Bool {
        switch json {
        case .null: true
        case .array(let items): items.isEmpty
        case .object(let object): object.isEmpty
        default: false
        }
    }
}
