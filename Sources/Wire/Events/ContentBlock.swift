/// Checks the content blocks of client events (reference api-core §4.2).
struct ContentBlock {
    /// File-sourced documents seen so far in one request; at most 100 are allowed.
    private(set) var fileDocuments = 0

    enum Place { case message, toolResult, system }

    mutating func check(_ blocks: [JSON], _ place: Place, _ path: String) throws(WireError) {
        for (index, block) in blocks.enumerated() { try check(block, place, "\(path)[\(index)]") }
    }

    private mutating func check(_ block: JSON, _ place: Place, _ path: String) throws(WireError) {
        var reader = try ObjectReader(block, path: path)
        let type = try reader.string("type")
        switch (type, place) {
        case ("text", _):
            let text = try reader.string("text")
            guard !text.isEmpty else { throw .invalid("\(path).text: must not be empty") }
        case ("image", .message), ("image", .toolResult):
            try source(try reader.required("source"), "\(path).source", isDocument: false)
        case ("document", .message), ("document", .toolResult):
            try source(try reader.required("source"), "\(path).source", isDocument: true)
            _ = try reader.optionalString("title", length: 0...500)
            _ = try reader.optionalString("context", length: 0...100_000)
        case ("search_result", .toolResult):
            _ = try reader.string("source")
            _ = try reader.string("title")
            var citations = try ObjectReader(try reader.required("citations"), path: "\(path).citations")
            _ = try citations.optionalBool("enabled")
            try citations.finish()
            for (index, item) in (try reader.optionalArray("content").orNil ?? []).enumerated() {
                var text = try ObjectReader(item, path: "\(path).content[\(index)]")
                guard try text.string("type") == "text" else {
                    throw .invalid("\(path).content[\(index)].type: must be 'text'")
                }
                _ = try text.string("text", length: 1...Int.max)
                try text.finish()
            }
        case ("redacted", _): throw .invalid("\(path): redacted blocks cannot be sent")
        default: throw .invalid("\(path).type: '\(type.prefix(64))' is not allowed here")
        }
        try reader.finish()
    }

    private mutating func source(_ json: JSON, _ path: String, isDocument: Bool) throws(WireError) {
        var reader = try ObjectReader(json, path: path)
        switch try reader.string("type") {
        case "base64":
            let data = try reader.string("data", length: 1...Int.max)
            guard data.utf8.allSatisfy(Self.isBase64) else { throw .invalid("\(path).data: is not base64") }
            let media = try reader.string("media_type")
            let allowed =
                isDocument ? ["application/pdf"] : ["image/jpeg", "image/png", "image/gif", "image/webp"]
            guard allowed.contains(media) else {
                throw .invalid("\(path).media_type: must be \(allowed.joined(separator: ", "))")
            }
        case "url":
            let url = try reader.string("url", length: 1...8192)
            guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
                throw .invalid("\(path).url: must be an http or https URL")
            }
        case "file":
            if isDocument {
                fileDocuments += 1
                guard fileDocuments <= 100 else { throw .invalid("\(path): at most 100 documents may come from files") }
            }
            let id = try reader.string("file_id", length: 1...128)
            throw .invalid(
                "\(path).file_id: no file with id '\(id)': this server keeps no files yet; send the content itself")
        case "text" where isDocument:
            _ = try reader.string("data", length: 1...Int.max)
            guard try reader.string("media_type") == "text/plain" else {
                throw .invalid("\(path).media_type: must be text/plain")
            }
        case let type: throw .invalid("\(path).type: '\(type.prefix(64))' is not a known source")
        }
        try reader.finish()
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=")
    }
}
