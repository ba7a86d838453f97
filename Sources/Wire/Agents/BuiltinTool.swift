/// The tools of `agent_toolset_20260401` (reference api-core §1.2).
public enum BuiltinTool: String, Sendable, CaseIterable {
    case bash, read, write, edit, glob, grep
    case webFetch = "web_fetch"
    case webSearch = "web_search"

    /// What the model is told about the tool.
    public var description: String {
        switch self {
        case .bash:
            """
            Runs a command in a persistent bash shell inside the session's sandbox. The working directory is /workspace; \
            directory, variables and functions stay between calls. Output and errors come back together, with the exit \
            code when it is not zero; long output is cut in the middle and kept in a file that is named. Set restart to \
            get a fresh shell. Start long-running servers in the background.
            """
        case .read:
            """
            Reads a file. Text comes back as it is; images and PDF files come back as such. view_range [first, last] \
            selects lines, counted from 1; a last line of 0 or less means the end. Files over 256 KiB need view_range.
            """
        case .write: "Writes a file, replacing what was there and creating missing folders."
        case .edit:
            """
            Replaces a text in a file. old_string must be there exactly once, unless replace_all is true; give enough \
            surrounding text to make it unique.
            """
        case .glob:
            "Lists files that match a pattern such as **/*.swift below path (default /workspace), newest first, at most 200."
        case .grep:
            "Searches file contents below path (default /workspace) with a regular expression; gives path:line:text."
        case .webFetch: "Fetches a page or document from a URL, as far as the environment's network rules allow it."
        case .webSearch: "Searches the web."
        }
    }

    /// The JSON schema of the tool's input.
    public var inputSchema: JSON {
        let text: JSON = ["type": "string"]
        switch self {
        case .bash:
            return Self.schema(
                [
                    "command": text, "restart": ["type": "boolean"],
                    "timeout_ms": ["type": "integer", "description": "Milliseconds; 0 or absent means the default."],
                ], required: [])
        case .read:
            return Self.schema(
                ["file_path": text, "view_range": ["type": "array", "items": ["type": "integer"]]],
                required: ["file_path"])
        case .write: return Self.schema(["file_path": text, "content": text], required: ["file_path", "content"])
        case .edit:
            return Self.schema(
                ["file_path": text, "old_string": text, "new_string": text, "replace_all": ["type": "boolean"]],
                required: ["file_path", "old_string", "new_string"])
        case .glob, .grep: return Self.schema(["pattern": text, "path": text], required: ["pattern"])
        case .webFetch: return Self.schema(["url": text], required: ["url"])
        case .webSearch: return Self.schema(["query": text], required: ["query"])
        }
    }

    private static func schema(_ properties: JSON, required: [String]) -> JSON {
        ["type": "object", "properties": properties, "required": .array(required.map(JSON.string))]
    }
}
