/// Cuts a byte stream into events as the WHATWG stream format demands: any line end, comments, several data lines.
///
/// Incremental and total: chunks may be cut anywhere, and the only failure is an event above the size limit.
struct SSEDecoder {
    /// An event is larger than the decoder may hold.
    struct TooLong: Error, Equatable {
        var limit: Int
    }

    private let maximumEventBytes: Int
    private var line: [UInt8] = []
    private var event: String?
    private var data: [UInt8] = []
    private var hasData = false
    private var skipsLineFeed = false
    private var isFirstLine = true

    /// - Parameter maximumEventBytes: bound for one event, which is all the memory that the decoder holds.
    init(maximumEventBytes: Int = 8 << 20) { self.maximumEventBytes = maximumEventBytes }

    /// The events that `bytes` completes.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [SSEFrame] {
        var frames: [SSEFrame] = []
        for byte in bytes {
            if skipsLineFeed {
                skipsLineFeed = false
                if byte == 0x0A { continue }
            }
            guard byte == 0x0A || byte == 0x0D else {
                guard line.count + data.count < maximumEventBytes else { throw TooLong(limit: maximumEventBytes) }
                line.append(byte)
                continue
            }
            skipsLineFeed = byte == 0x0D
            if let frame = endLine() { frames.append(frame) }
        }
        return frames
    }

    private mutating func endLine() -> SSEFrame? {
        defer {
            line.removeAll(keepingCapacity: true)
            isFirstLine = false
        }
        if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        guard !line.isEmpty else {
            defer {
                event = nil
                data = []
                hasData = false
            }
            // An event without data is not dispatched.
            return hasData ? SSEFrame(event: event, data: data) : nil
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": event = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(0x0A) }
            hasData = true
            data.append(contentsOf: value)
        default: break
        }
        return nil
    }
}
