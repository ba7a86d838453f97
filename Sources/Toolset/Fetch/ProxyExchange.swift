internal import CLinux
internal import Glibc

/// One GET through the local proxy port. The gate behind it decides, and speaks TLS itself for https addresses.
struct ProxyExchange {
    struct Reply {
        var status: Int
        /// Lower-case names.
        var fields: [(name: String, value: String)]
        var body: [UInt8]

        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    static let bodyLimit = 10 << 20
    private static let timeLimitMilliseconds = 60_000

    let port: UInt16
    let cancel: CancelToken

    func get(_ url: WebAddress) throws(ToolError) -> Reply {
        let socket: Descriptor
        do { socket = try Descriptor(opened: clinux_connect_loopback(port, 0), "connect") } catch {
            throw ToolError(.failed, "the way out of the sandbox is closed: \(error.phrase)")
        }
        let request =
            "GET \(url.text) HTTP/1.1\r\nHost: \(url.authority)\r\nUser-Agent: Perimeter\r\n"
            + "Accept: text/html,text/plain,application/json,*/*;q=0.5\r\nAccept-Encoding: identity\r\n"
            + "Connection: close\r\n\r\n"
        let deadline = Self.now() + Self.timeLimitMilliseconds
        try send(Array(request.utf8), socket, deadline)
        return try Self.parse(try receive(socket, deadline))
    }

    private func send(_ bytes: [UInt8], _ socket: Descriptor, _ deadline: Int) throws(ToolError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(socket, POLLOUT, deadline)
            let count = rest.withUnsafeBytes { Glibc.send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { throw ToolError(.failed, "the request could not be sent") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(_ socket: Descriptor, _ deadline: Int) throws(ToolError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < Self.bodyLimit + (64 << 10) {
            try wait(socket, POLLIN, deadline)
            do {
                let piece = try socket.read(upTo: 64 << 10)
                guard !piece.isEmpty else { break }
                bytes += piece
            } catch {
                guard error.code == EAGAIN else { throw ToolError(.failed, "the answer broke off: \(error.phrase)") }
            }
        }
        return bytes
    }

    private func wait(_ socket: Descriptor, _ events: Int32, _ deadline: Int) throws(ToolError) {
        let left = deadline - Self.now()
        guard left > 0 else {
            throw ToolError(.failed, "no answer within \(Self.timeLimitMilliseconds / 1000) seconds")
        }
        var watched = [
            pollfd(fd: socket.raw, events: Int16(events), revents: 0),
            pollfd(fd: cancel.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&watched, 2, Int32(left))
        guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    static func parse(_ bytes: [UInt8]) throws(ToolError) -> Reply {
        let malformed = ToolError(.failed, "the answer is not HTTP")
        guard let end = headEnd(bytes) else { throw malformed }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { throw malformed }
        let fields = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return (line[..<colon].lowercased(), String(value))
        }
        var reply = Reply(status: status, fields: fields, body: Array(bytes[(end + 4)...]))
        if reply.field("transfer-encoding")?.lowercased().contains("chunked") == true {
            reply.body = dechunked(reply.body)
        } else if let length = reply.field("content-length").flatMap({ Int($0) }), length >= 0 {
            reply.body = Array(reply.body.prefix(length))
        }
        reply.body = Array(reply.body.prefix(bodyLimit))
        return reply
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(min(bytes.count, 64 << 10) - 4)).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
    }

    /// What came of a chunked body; a broken one ends where it breaks.
    private static func dechunked(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 10) {
            let line = String(decoding: rest[..<end], as: UTF8.self).prefix { $0.isHexDigit }
            guard let size = Int(line, radix: 16), size > 0 else { break }
            rest = rest[(end + 1)...]
            output += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return output
    }
}
