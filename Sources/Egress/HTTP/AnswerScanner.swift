/// Finds the end of a host's answer (RFC 9112 §6.3), so that its connection can be used again. Where two readers could find
/// different ends, the answer ends with the connection.
struct AnswerScanner: Sendable {
    private enum State {
        case head([UInt8])
        case body(BodyScanner)
        case untilClose
        case finished
    }
    private static let maximumHead = 64 << 10

    /// To `HEAD`, an answer has the fields of a body without one.
    private let hasNoBody: Bool
    private var state = State.head([])
    /// False once the host has said, or shown, that nothing may follow on this connection.
    private(set) var allowsReuse = true

    init(to method: String) { hasNoBody = method == "HEAD" }

    var isFinished: Bool { if case .finished = state { true } else { false } }

    /// Looks at the next bytes.
    /// - Returns: how many of them belong to the answer.
    mutating func take(_ bytes: [UInt8]) -> Int {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .finished: return rest.startIndex
            case .untilClose: rest = []
            case .head(var head):
                let searched = max(0, head.count - 3)
                let before = head.count
                head += rest.prefix(Self.maximumHead)
                guard let end = Self.end(of: head, from: searched) else {
                    rest = rest.dropFirst(Self.maximumHead)
                    state = head.count > Self.maximumHead ? .untilClose : .head(head)
                    continue
                }
                rest = rest.dropFirst(end - before)
                read(head[..<end])
            case .body(var scanner):
                let count = try? scanner.take(rest)
                rest = rest.dropFirst(count ?? rest.count)
                state = count == nil ? .untilClose : scanner.isFinished ? .finished : .body(scanner)
            }
        }
        return bytes.count
    }

    private static func end(of head: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 3 < head.count {
            if head[index] == 13, head[index + 1] == 10, head[index + 2] == 13, head[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }

    private mutating func read(_ head: ArraySlice<UInt8>) {
        state = .untilClose
        guard let text = String(validating: head.dropLast(4), as: UTF8.self) else { return }
        // CR LF is one `Character`; a lone one of them is what readers disagree about.
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard !lines.contains(where: { $0.utf8.contains(13) || $0.utf8.contains(10) }) else { return }
        let words = lines[0].split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[1].utf8.count == 3, let status = Int(words[1]), words[0] == "HTTP/1.1" else {
            return
        }
        var fields: [HeaderField] = []
        for line in lines.dropFirst() {
            guard let field = try? HeaderField(parsing: line) else { return }
            fields.append(field)
        }
        let options = fields.filter { $0.isNamed("connection") }.flatMap { $0.value.lowercased().split(separator: ",") }
        if options.contains(where: { $0.filter { $0 != " " && $0 != "\t" } == "close" }) { allowsReuse = false }
        switch status {
        case 101: return
        case 100..<200: state = .head([])
        case 204, 304: state = .finished
        case _ where hasNoBody: state = .finished
        default:
            guard let framing = try? BodyFraming(fields) else { return }
            switch framing {
            case .none where !fields.contains { $0.isNamed("content-length") }: return
            case .none: state = .finished
            case .length, .chunked: state = .body(BodyScanner(framing))
            }
        }
    }
}
