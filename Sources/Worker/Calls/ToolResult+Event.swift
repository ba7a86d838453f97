internal import Sandbox
internal import Wire

extension ToolResult {
    /// The event that answers `call` (self-hosted-sandboxes §5.3). Empty text is illegal on the wire and is replaced.
    func event(answering call: String) -> JSON {
        let blocks = content.map { block -> JSON in
            switch block {
            case .text(let text):
                ["type": "text", "text": .string(text.isEmpty ? "(no output)" : text)]
            case .image(let mediaType, let bytes):
                ["type": "image", "source": Self.source(mediaType, bytes)]
            case .document(let mediaType, let bytes):
                ["type": "document", "source": Self.source(mediaType, bytes)]
            }
        }
        return [
            "type": "user.tool_result", "tool_use_id": .string(call), "is_error": .bool(isError),
            "content": .array(blocks.isEmpty ? [["type": "text", "text": "(no output)"]] : blocks),
        ]
    }

    private static func source(_ mediaType: String, _ bytes: [UInt8]) -> JSON {
        ["type": "base64", "media_type": .string(mediaType), "data": .string(Base64.encode(bytes))]
    }

    /// The result of a call that an earlier holder started and whose own result is gone.
    static let interruptedByRestart = ToolResult.failure(
        """
        This call was interrupted: the worker or its sandbox restarted while it ran. It may have run partly and was not \
        repeated. Check what it did before you try it again.
        """)
}
