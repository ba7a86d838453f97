/// Why a stream cannot be read on.
enum SSEError: Error, Equatable {
    /// A line or the data of a frame is over the limit.
    case tooLong(limit: Int)
}

/// Cuts a byte stream into server-sent events (WHATWG HTML §9.2.6). Incremental, and total: any bytes give frames or an
/// error, and no more than the limit is kept.
struct SSEParser: Sendable {
    private let limit: Int
    private var line: [UInt8] = []
    private var event: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var skipsLineFeed = false
    private var isFirstLine = true

    /// - Parameter limit: bytes of one line, and of the data of one frame.
    init(limit: Int = 40 << 20) { self.limit = limit }

    /// Takes the next piece of the stream and returns the frames that it completes.
    mutating func parse(_ chunk: [UInt8]) throws(SSEError) -> [SSEFrame] {
        var frames: [SSEFrame] = []
        var rest = chunk[...]
        if skipsLineFeed, let first = rest.first {
            skipsLineFeed = false
            if first == 0x0A { rest.removeFirst() }
        }
        while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            try append(rest[rest.startIndex..<end])
            if let frame = try finishLine() { frames.append(frame) }
            var next = end + 1
            if rest[end] == 0x0D {
                if next == rest.endIndex {
                    skipsLineFeed = true
                } else if rest[next] == 0x0A {
                    next += 1
                }
            }
            rest = rest[next...]
        }
        try append(rest)
        return frames
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) throws(SSEError) {
        guard line.count + bytes.count <= limit else { throw .tooLong(limit: limit) }
        line.append(contentsOf: bytes)
    }

    private mutating func finishLine() throws(SSEError) -> SSEFrame? {
        defer { line.removeAll(keepingCapacity: line.count <= 1 << 16) }
        var text = line[...]
        if isFirstLine {
            isFirstLine = false
            if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        }
        guard !text.isEmpty else { return finishFrame() }
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        let name = text[text.startIndex..<colon]
        var value = text[min(colon + 1, text.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        if name.elementsEqual("event".utf8) {
            event = Array(value)
        } else if name.elementsEqual("data".utf8) {
            guard data.count + value.count < limit else { throw .tooLong(limit: limit) }
            if hasData { data.append(0x0A) }
            data.append(contentsOf: value)
            hasData = true
        }
        // Comments, ids, retry times and unknown fields mean nothing here.
        return nil
    }

    private mutating func finishFrame() -> SSEFrame? {
        defer {
            event = []
            data = []
            hasData = false
        }
        guard hasData else { return nil }
        return SSEFrame(event: String(decoding: event, as: UTF8.self), data: data)
    }
}
