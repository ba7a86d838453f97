internal import Sandbox
internal import Wire

extension ToolUse {
    /// The tools of the agent toolset that every worker runs (self-hosted-sandboxes §6).
    static let sandboxTools: Set<String> = ["bash", "read", "write", "edit", "glob", "grep"]
    /// Fetched by the hosted service itself, but left to the worker by our own server.
    static let webFetch = "web_fetch"

    /// The checked input. Members that the tool does not know are ignored, as the published schemas allow them.
    func checkedInput() throws(ToolInputError) -> ToolCall.Input {
        let members = InputMembers(tool: name, input: input)
        try members.checkIsObject()
        switch name {
        case "bash":
            let command = try members.optionalString("command")
            let restart = try members.optionalBool("restart") ?? false
            let timeout = try members.optionalInt("timeout_ms")
            guard command != nil || restart else { throw members.error("'command' or 'restart' is required") }
            guard (timeout ?? 0) >= 0 else { throw members.error("'timeout_ms' must not be negative") }
            return .bash(command: command, restart: restart, timeoutMilliseconds: timeout)
        case "read":
            return .read(path: try members.string("file_path"), range: try members.range("view_range"))
        case "write":
            return .write(path: try members.string("file_path"), content: try members.string("content"))
        case "edit":
            return .edit(
                path: try members.string("file_path"), old: try members.string("old_string"),
                new: try members.string("new_string"), replaceAll: try members.optionalBool("replace_all") ?? false)
        case "glob":
            return .glob(pattern: try members.string("pattern"), path: try members.optionalString("path"))
        case "grep":
            return .grep(pattern: try members.string("pattern"), path: try members.optionalString("path"))
        case Self.webFetch:
            return .webFetch(url: try members.string("url"))
        default:
            throw ToolInputError(message: "unknown tool '\(name.prefix(64))'")
        }
    }
}

/// Reads members of an input and names the tool and the member in every error; `null` counts as absent.
private struct InputMembers {
    let tool: String
    let input: JSON

    func error(_ message: String) -> ToolInputError {
        ToolInputError(message: "invalid arguments for \(tool): \(message)")
    }

    func checkIsObject() throws(ToolInputError) {
        guard input.objectValue != nil else { throw error("expected an object, got \(input.kindName)") }
    }

    private func member(_ name: String) -> JSON? {
        guard let value = input[name], !value.isNull else { return nil }
        return value
    }

    func optionalString(_ name: String) throws(ToolInputError) -> String? {
        guard let value = member(name) else { return nil }
        guard let text = value.stringValue else { throw error("'\(name)' must be a string, got \(value.kindName)") }
        return text
    }

    func string(_ name: String) throws(ToolInputError) -> String {
        guard let text = try optionalString(name) else { throw error("'\(name)' is required") }
        return text
    }

    func optionalBool(_ name: String) throws(ToolInputError) -> Bool? {
        guard let value = member(name) else { return nil }
        guard let flag = value.boolValue else { throw error("'\(name)' must be a boolean, got \(value.kindName)") }
        return flag
    }

    func optionalInt(_ name: String) throws(ToolInputError) -> Int? {
        guard let value = member(name) else { return nil }
        guard let number = value.intValue else { throw error("'\(name)' must be an integer, got \(value.kindName)") }
        return number
    }

    func range(_ name: String) throws(ToolInputError) -> (first: Int, last: Int)? {
        guard let value = member(name) else { return nil }
        guard let items = value.arrayValue, items.count == 2, let first = items[0].intValue,
            let last = items[1].intValue
        else { throw error("'\(name)' must be a list of two integers") }
        return (first: first, last: last)
    }
}
