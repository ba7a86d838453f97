internal import Wire

/// The input of a tool call as a model wrote it: an object, or the reason why it is none.
struct ToolInput {
    /// The object to send back; empty when the text was malformed.
    var value: JSON
    var malformed: String?

    /// - Parameter text: empty text is a call without arguments, as some providers write it.
    init(parsing text: String) {
        value = [:]
        guard !text.isEmpty else { return }
        do {
            let parsed = try JSON(parsing: text)
            if parsed.objectValue != nil {
                value = parsed
            } else {
                malformed = "expected an object, got \(parsed.kindName)"
            }
        } catch {
            malformed = "not valid JSON: \(error)"
        }
    }
}
