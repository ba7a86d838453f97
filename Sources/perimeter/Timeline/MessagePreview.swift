internal import Wire

/// A message that is being written: what of it is on the screen already.
struct MessagePreview: Sendable {
    let id: String
    private(set) var text = ""
    private var block = 0

    init(id: String) { self.id = id }

    /// The text that a delta adds; blocks of one message are separated by a line end, as in the finished message.
    mutating func take(_ delta: JSON?) -> String {
        guard let added = delta?["content"]?["text"]?.stringValue else { return "" }
        let index = delta?["index"]?.intValue ?? block
        let separator = index > block && !text.isEmpty ? "\n" : ""
        block = max(block, index)
        text += separator + added
        return separator + added
    }

    /// What is still missing on the screen; nil when the finished text does not continue what was shown.
    func remainder(of finished: String) -> String? {
        finished.hasPrefix(text) ? String(finished.dropFirst(text.count)) : nil
    }
}
