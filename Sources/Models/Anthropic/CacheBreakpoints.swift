internal import Wire

/// Marks where the provider may cut the prompt for its cache: after the tools, after the system prompt, and after the last
/// two user turns, so that a request reads what the one before it wrote.
struct CacheBreakpoints {
    /// The provider refuses a request with more.
    static let maximum = 4

    /// The request's body with marks; those that are there already count and stay.
    static func placed(in body: JSON) -> JSON {
        var left = maximum - count(in: body)
        var body = body
        if left > 0, let tools = body["tools"]?.arrayValue, let marked = markLast(of: tools) {
            body["tools"] = .array(marked)
            left -= 1
        }
        if left > 0, let system = body["system"], let marked = markLast(of: blocks(system)) {
            body["system"] = .array(marked)
            left -= 1
        }
        guard var messages = body["messages"]?.arrayValue else { return body }
        var turns = 0
        for index in messages.indices.reversed() where messages[index]["role"] == "user" {
            guard left > 0, turns < 2 else { break }
            turns += 1
            guard let marked = markLast(of: blocks(messages[index]["content"] ?? .null)) else { continue }
            messages[index]["content"] = .array(marked)
            left -= 1
        }
        body["messages"] = .array(messages)
        return body
    }

    private static func blocks(_ content: JSON) -> [JSON] {
        if let text = content.stringValue { return text.isEmpty ? [] : [["type": "text", "text": .string(text)]] }
        return content.arrayValue ?? []
    }

    /// Marks the last item that may carry a mark; nil when there is none or it is marked already.
    private static func markLast(of items: [JSON]) -> [JSON]? {
        guard let index = items.lastIndex(where: canBeMarked), items[index]["cache_control"] == nil else { return nil }
        var items = items
        items[index]["cache_control"] = ["type": "ephemeral"]
        return items
    }

    private static func canBeMarked(_ item: JSON) -> Bool {
        guard item.objectValue != nil, item["defer_loading"] != true else { return false }
        let type = item["type"]?.stringValue ?? ""
        return !["thinking", "redacted_thinking"].contains(type) && !(type == "text" && item["text"] == "")
    }

    private static func count(in body: JSON) -> Int {
        var lists = [body["tools"]?.arrayValue ?? [], body["system"]?.arrayValue ?? []]
        lists += (body["messages"]?.arrayValue ?? []).map { $0["content"]?.arrayValue ?? [] }
        return lists.reduce(0) { $0 + $1.count { item in item["cache_control"].map { !$0.isNull } ?? false } }
            + (body["cache_control"].map { $0.isNull ? 0 : 1 } ?? 0)
    }
}
