import Sandbox
import Testing
import Wire

@testable import Worker

@Suite struct ToolInputTests {
    private func input(_ tool: String, _ json: JSON) throws -> ToolCall.Input {
        let use = try #require(ToolUse(["id": "sevt_1", "name": .string(tool), "input": json]))
        return try use.checkedInput()
    }
    private func message(_ tool: String, _ json: JSON) throws -> String? {
        do { _ = try input(tool, json) } catch let error as ToolInputError { return error.message }
        return nil
    }

    @Test func `reads every tool and ignores members it does not know`() throws {
        #expect(
            try input("bash", ["command": "ls", "extra": 1])
                == .bash(command: "ls", restart: false, timeoutMilliseconds: nil))
        #expect(
            try input("bash", ["restart": true, "command": .null, "timeout_ms": 5.0])
                == .bash(command: nil, restart: true, timeoutMilliseconds: 5))
        #expect(
            try input("read", ["file_path": "a", "view_range": [1, -1]])
                == .read(path: "a", range: (first: 1, last: -1)))
        #expect(try input("read", ["file_path": "a", "view_range": .null]) == .read(path: "a", range: nil))
        #expect(try input("write", ["file_path": "a", "content": ""]) == .write(path: "a", content: ""))
        #expect(
            try input("edit", ["file_path": "a", "old_string": "x", "new_string": "y", "replace_all": true])
                == .edit(path: "a", old: "x", new: "y", replaceAll: true))
        #expect(try input("glob", ["pattern": "*"]) == .glob(pattern: "*", path: nil))
        #expect(try input("grep", ["pattern": "x", "path": "b"]) == .grep(pattern: "x", path: "b"))
        #expect(try input("web_fetch", ["url": "https://a"]) == .webFetch(url: "https://a"))
    }

    @Test func `names the member that is wrong`() throws {
        #expect(try message("bash", [:]) == "invalid arguments for bash: 'command' or 'restart' is required")
        #expect(
            try message("bash", ["command": 1]) == "invalid arguments for bash: 'command' must be a string, got number")
        #expect(try message("bash", ["command": "x", "timeout_ms": -1])?.contains("timeout_ms") == true)
        #expect(try message("bash", ["command": "x", "timeout_ms": 1.5])?.contains("timeout_ms") == true)
        #expect(try message("bash", []) == "invalid arguments for bash: expected an object, got array")
        #expect(try message("read", ["file_path": "a", "view_range": [1]])?.contains("view_range") == true)
        #expect(try message("write", ["file_path": "a"]) == "invalid arguments for write: 'content' is required")
        #expect(
            try message("edit", ["file_path": "a", "old_string": "", "new_string": "", "replace_all": "yes"]) != nil)
    }

    @Test func `a call without an id that can be journalled is not ours`() {
        #expect(ToolUse(["id": "a b", "name": "bash"]) == nil)
        #expect(ToolUse(["id": "a\nstarted b", "name": "bash"]) == nil)
        #expect(ToolUse(["id": "sevt_1"]) == nil)
    }

    @Test func `a result is never empty and keeps bytes`() {
        let empty = ToolResult(content: [.text("")], isError: false).event(answering: "sevt_1")
        #expect(empty["content"] == [["type": "text", "text": "(no output)"]])
        let none = ToolResult(content: [], isError: true).event(answering: "sevt_1")
        #expect(none["content"] == [["type": "text", "text": "(no output)"]])
        let image = ToolResult(content: [.image(mediaType: "image/png", bytes: [1, 2])], isError: false)
        #expect(
            image.event(answering: "sevt_1")["content"]?.arrayValue?.first?["source"]
                == ["type": "base64", "media_type": "image/png", "data": "AQI="])
    }
}
