/// Takes an HTTP/1.1 answer from its bytes, in any pieces. Total: any bytes give an answer or an error.
struct WebReplyReader {
    private enum State {
        case head
        case sized(left: Int)
        case unsized
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailers
        case done
    }

    private static let maximumHead = 64 << 10

    private(set) var reply = WebReply()
    private let bodyLimit: Int
    private var state = State.head
    private var line: [UInt8] = []
    private var headBytes = 0

    init(bodyLimit: Int) {
        self.bodyLimit = bodyLimit
    }

    /// Whether nothing more is expected.
    var isDone: Bool { if case .done = state { true } else { false } }

    mutating func feed(_ piece: [UInt8]) throws(ToolError) {
        var rest = piece[...]
        while !rest.isEmpty, !isDone {
            switch state {
            case .head, .chunkSize, .chunkEnd, .trailers:
                if takeLine(&rest) { try endLine() }
                guard headBytes <= Self.maximumHead else { throw Self.malformed }
            case .sized(let left):
                let part = rest.prefix(left)
                take(part)
                if !isDone { state = left == part.count ? .done : .sized(left: left - part.count) }
                rest = rest.dropFirst(part.count)
            case .chunk(let left):
                let part = rest.prefix(left)
                take(part)
                if !isDone { state = left == part.count ? .chunkEnd : .chunk(left: left - part.count) }
                rest = rest.dropFirst(part.count)
            case .unsized:
                take(rest)
                rest = []
            case .done: return
            }
        }
    }

    /// The connection has ended.
    mutating func end() throws(ToolError) {
        switch state {
        case .head: throw Self.malformed
        case .done, .unsized, .trailers: break
        case .sized, .chunkSize, .chunk, .chunkEnd: reply.isCut = true
        }
        state = .done
    }

    private static let malformed = ToolError(.failed, "the answer is not HTTP")

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        let room = bodyLimit - reply.body.count
        reply.body += bytes.prefix(room)
        guard bytes.count > room else { return }
        reply.isCut = true
        state = .done
    }

    /// - Returns: whether `line` is whole now.
    private mutating func takeLine(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let end = rest.firstIndex(of: 0x0A)
        let part = rest[..<(end ?? rest.endIndex)]
        headBytes += part.count + 1
        line += part
        rest = end.map { rest[($0 + 1)...] } ?? []
        guard end != nil else { return false }
        if line.last == 0x0D { line.removeLast() }
        return true
    }

    private mutating func endLine() throws(ToolError) {
        let text = String(decoding: line, as: UTF8.self)
        line = []
        switch state {
        case .head where text.isEmpty: try endHead()
        case .head where reply.status == 0: try takeStatus(text)
        case .head:
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return }
            let value = parts[1].drop { $0 == " " || $0 == "\t" }
            reply.fields.append((parts[0].lowercased(), String(value)))
        case .chunkSize:
            headBytes = 0
            let digits = text.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
            guard digits.count <= 8, let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
            else {
                throw Self.malformed
            }
            state = size == 0 ? .trailers : .chunk(left: size)
        case .chunkEnd:
            guard text.isEmpty else { throw Self.malformed }
            state = .chunkSize
        case .trailers: if text.isEmpty { state = .done }
        case .sized, .chunk, .unsized, .done: return
        }
    }

    private mutating func takeStatus(_ text: String) throws(ToolError) {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]),
            status >= 100
        else { throw Self.malformed }
        reply.status = status
    }

    private mutating func endHead() throws(ToolError) {
        guard reply.status != 0 else { throw Self.malformed }
        switch reply.status {
        case 100..<200:
            // Only a notice: the answer follows.
            reply = WebReply()
        case 204, 304: state = .done
        default:
            if reply.field("transfer-encoding")?.lowercased().contains("chunked") == true {
                state = .chunkSize
            } else if let length = reply.field("content-length") {
                guard let size = Int(length.prefix { $0 != " " }), size >= 0 else { throw Self.malformed }
                state = size == 0 ? .done : .sized(left: size)
            } else {
                state = .unsized
            }
        }
    }
}
