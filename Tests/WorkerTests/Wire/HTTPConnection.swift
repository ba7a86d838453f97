#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The server's end of one HTTP/1.1 connection, read and written by a blocking thread.
struct HTTPConnection {
    let socket: Int32
    private var buffer: [UInt8] = []

    init(socket: Int32) { self.socket = socket }

    /// The next request; nil at the end of the connection.
    mutating func next() -> RecordedRequest? {
        while true {
            if let request = parse() { return request }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            buffer.append(contentsOf: chunk[..<count])
        }
    }

    private mutating func parse() -> RecordedRequest? {
        let mark = Array("\r\n\r\n".utf8)
        guard buffer.count >= mark.count,
            let end = (0...(buffer.count - mark.count)).first(where: { buffer[$0..<$0 + 4].elementsEqual(mark) })
        else { return nil }
        let lines = String(decoding: buffer[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        guard buffer.count >= end + 4 + length else { return nil }
        let body = String(decoding: buffer[(end + 4)..<(end + 4 + length)], as: UTF8.self)
        buffer.removeFirst(end + 4 + length)
        return RecordedRequest(method: String(words[0]), target: String(words[1]), headers: headers, body: body)
    }

    func answer(status: Int = 200, _ body: String) {
        Self.send(
            "HTTP/1.1 \(status) X\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)",
            to: socket)
    }

    func answer(bytes: [UInt8]) {
        let head = "HTTP/1.1 200 X\r\ncontent-type: application/binary\r\ncontent-length: \(bytes.count)\r\n\r\n"
        Self.send(Array(head.utf8) + bytes, to: socket)
    }

    func beginStream() {
        Self.send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n", to: socket)
    }

    static func sendChunk(_ text: String, to socket: Int32) {
        send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n", to: socket)
    }

    static func send(_ text: String, to socket: Int32) { send(Array(text.utf8), to: socket) }

    private static func send(_ bytes: [UInt8], to socket: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { sendBytes(socket, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

private func sendBytes(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
        send(socket, bytes, count, Int32(MSG_NOSIGNAL))
    #else
        send(socket, bytes, count, 0)
    #endif
}
