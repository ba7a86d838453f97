internal import Wire

/// A secret from standard input: on the command line everybody on the machine could read it.
enum SecretInput {
    private static let limit = 16 << 10

    /// All of standard input without the line break at its end.
    /// - Throws: ``CommandError`` when there is nothing, or too much.
    static func read() throws(CommandError) -> Secret {
        guard let bytes = try StandardInput.readAll(limit: limit) else {
            throw CommandError(.usage, "standard input has more than \(limit) bytes: this is no secret")
        }
        var text = String(decoding: bytes, as: UTF8.self)[...]
        while text.last?.isNewline ?? false { text.removeLast() }
        guard !text.isEmpty else {
            throw CommandError(.usage, "there is no secret", remedy: "pipe it into standard input: < FILE")
        }
        return Secret(String(text))
    }
}
