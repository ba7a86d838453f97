internal import Wire

/// Cuts the bytes of an event stream into the JSON objects of its `data:` lines (reference api-core §4.1).
///
/// Total: chunks may be cut anywhere. Comments and `ping` frames are skipped, as the official clients do.
struct EventStreamDecoder {
    private var line: [UInt8] = []
    private var name = ""
    private var data: [UInt8] = []
    private var skipsLineFeed = false
    private let limit: Int

    /// - Parameter limit: bytes of one event, which is all the memory that the decoder holds.
    init(limit: Int = 64 << 20) { self.limit = limit }

    /// The events that `bytes` completes.
    /// - Throws: ``CommandError`` for an `error` frame, an event over the limit, or data that is not JSON.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(CommandError) -> [JSON] {
        var events: [JSON] = []
        for byte in bytes {
            if skipsLineFeed {
                skipsLineFeed = false
                if byte == 0x0A { continue }
            }
            guard byte == 0x0A || byte == 0x0D else {
                guard line.count + data.count < limit else {
                    throw CommandError(.failure, "the server sent an event of more than \(limit) bytes")
                }
                line.append(byte)
                continue
            }
            skipsLineFeed = byte == 0x0D
            if let event = try endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() throws(CommandError) -> JSON? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return try endFrame() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "data":
            if !data.isEmpty { data.append(0x0A) }
            data.append(contentsOf: value)
        default: break
        }
        return nil
    }

    private mutating func endFrame() throws(CommandError) -> JSON? {
        defer {
            name = ""
            data.removeAll(keepingCapacity: true)
        }
        guard !data.isEmpty, name != "ping" else { return nil }
        let event: JSON
        do { event = try JSON(parsing: data) } catch {
            throw CommandError(.failure, "the server sent an event that is not JSON: \(error)")
        }
        guard name != "error" else {
            throw CommandError(
                .failure, event["error"]?["message"]?.stringValue ?? "the server ended the stream with an error",
                requestID: event["request_id"]?.stringValue)
        }
        return event
    }
}
