/// One call of a tool of the agent toolset, with its input already checked.
public struct ToolCall: Sendable, Equatable {
    /// The `tool_use_id`: the call runs at most once under it.
    public var id: String
    public var input: Input

    public enum Input: Sendable, Equatable {
        /// `command` runs in the session's persistent shell; `restart` starts a fresh shell first. Zero or nil `timeout`
        /// means the default.
        case bash(command: String?, restart: Bool, timeoutMilliseconds: Int?)
        /// `range` is 1-based and inclusive; an end of zero or less means the end of the file.
        case read(path: String, range: (first: Int, last: Int)?)
        case write(path: String, content: String)
        case edit(path: String, old: String, new: String, replaceAll: Bool)
        case glob(pattern: String, path: String?)
        case grep(pattern: String, path: String?)
        case webFetch(url: String)

        public static func == (left: Input, right: Input) -> Bool {
            String(describing: left) == String(describing: right)
        }
    }

    public init(id: String, input: Input) {
        self.id = id
        self.input = input
    }
}

/// What a tool answered.
public struct ToolResult: Sendable, Equatable {
    public enum Block: Sendable, Equatable {
        /// Never empty.
        case text(String)
        case image(mediaType: String, bytes: [UInt8])
        /// A PDF.
        case document(mediaType: String, bytes: [UInt8])
    }
    public var content: [Block]
    public var isError: Bool

    public init(content: [Block], isError: Bool) {
        self.content = content
        self.isError = isError
    }
    public static func failure(_ message: String) -> ToolResult {
        ToolResult(content: [.text(message)], isError: true)
    }
}
