/// What a tool answered, as it travels to the worker.
package struct CallResult: Sendable, Equatable {
    package enum Block: Sendable, Equatable {
        /// Never empty.
        case text(String)
        case image(mediaType: String, bytes: [UInt8])
        /// A PDF.
        case document(mediaType: String, bytes: [UInt8])
    }

    package var content: [Block]
    package var isError: Bool

    package init(content: [Block], isError: Bool) {
        self.content = content
        self.isError = isError
    }

    package static func success(_ text: String) -> CallResult {
        CallResult(content: [.text(text)], isError: false)
    }

    package static func failure(_ message: String) -> CallResult {
        CallResult(content: [.text(message)], isError: true)
    }

    /// Bytes that the content takes, for bounds.
    package var size: Int {
        content.reduce(0) { total, block in
            switch block {
            case .text(let text): total + text.utf8.count
            case .image(_, let bytes), .document(_, let bytes): total + bytes.count
            }
        }
    }

    package init(from reader: inout FieldReader) throws(ProtocolError) {
        isError = try reader.bool("isError")
        let count = Int(try reader.byte())
        guard count <= ProtocolLimits.maxBlocks else { throw .tooLong(count) }
        content = []
        for _ in 0..<count {
            switch try reader.byte() {
            case 1:
                let text = try reader.text("text")
                guard !text.isEmpty else { throw .invalidField("text") }
                content.append(.text(text))
            case 2:
                let mediaType = try reader.text("mediaType", limit: 128)
                content.append(.image(mediaType: mediaType, bytes: try reader.field()))
            case 3:
                let mediaType = try reader.text("mediaType", limit: 128)
                content.append(.document(mediaType: mediaType, bytes: try reader.field()))
            default:
                throw .invalidField("block")
            }
        }
    }

    package func append(to writer: inout FieldWriter) {
        writer.put(isError)
        writer.put(UInt8(min(content.count, ProtocolLimits.maxBlocks)))
        for block in content.prefix(ProtocolLimits.maxBlocks) {
            switch block {
            case .text(let text):
                writer.put(UInt8(1))
                writer.put(text.isEmpty ? "(no output)" : text)
            case .image(let mediaType, let bytes):
                writer.put(UInt8(2))
                writer.put(mediaType)
                writer.put(bytes)
            case .document(let mediaType, let bytes):
                writer.put(UInt8(3))
                writer.put(mediaType)
                writer.put(bytes)
            }
        }
    }
}
