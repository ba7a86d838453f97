internal import Wire

/// The text of content blocks; other kinds of block are named.
enum ContentText {
    static func text(_ content: JSON?) -> String {
        switch content {
        case .string(let text): return text
        case .array(let blocks): return blocks.map(block).joined(separator: "\n")
        default: return ""
        }
    }

    private static func block(_ block: JSON) -> String {
        block["text"]?.stringValue ?? "[\(block["type"]?.stringValue ?? "unknown")]"
    }
}
