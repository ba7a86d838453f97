internal import CLinux
internal import Glibc

/// One GET through the local proxy port. The gate behind it decides, and speaks TLS itself for https addresses.
struct ProxyExchange {
    let port: UInt16
    let bodyLimit: Int
    let cancel: CancelToken
    /// On the monotonic clock.
    let deadlineMilliseconds: Int

    /// - Throws: ``ToolError``, also when the call is cancelled or the deadline passes.
    func get(_ address: WebAddress) throws(ToolError) -> WebReply {
        let socket: Descriptor
        do { socket = try Descriptor(opened: clinux_connect_loopback(port, 0), "connect") } catch {
            throw ToolError(.failed, "the way out of the sandbox is closed: \(error.phrase)")
        }
        try wait(socket, POLLOUT)
        let code = clinux_socket_error(socket.raw)
        guard code == 0 else {
            throw ToolError(.failed, "the way out of the sandbox is closed: \(SystemFailure(code, "connect").phrase)")
        }
        let request =
            "GET \(address.text) HTTP/1.1\r\nHost: \(address.authority)\r\nUser-Agent: Perimeter\r\n"
            + "Accept: text/html,text/markdown,text/plain,application/json,*/*;q=0.5\r\nAccept-Encoding: identity\r\n"
            + "Connection: close\r\n\r\n"
        try send(Array(request.utf8), socket)
        return try receive(socket)
    }

    private func send(_ bytes: [UInt8], _ socket: Descriptor) throws(ToolError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(socket, POLLOUT)
            let count = rest.withUnsafeBytes { Glibc.send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { throw ToolError(.failed, "the request could not be sent") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(_ socket: Descriptor) throws(ToolError) -> WebReply {
        var reader = WebReplyReader(bodyLimit: bodyLimit)
        while !reader.isDone {
            try wait(socket, POLLIN)
            let piece: [UInt8]
            do { piece = try socket.read(upTo: 64 << 10) } catch {
                if error.code == EAGAIN { continue }
                throw ToolError(.failed, "the answer broke off: \(error.phrase)")
            }
            if piece.isEmpty { try reader.end() } else { try reader.feed(piece) }
        }
        return reader.reply
    }

    private func wait(_ socket: Descriptor, _ events: Int32) throws(ToolError) {
        let left = deadlineMilliseconds - Clock.milliseconds()
        guard left > 0 else { throw ToolError(.failed, "no whole answer in the time there was") }
        var watched = [
            pollfd(fd: socket.raw, events: Int16(events), revents: 0),
            pollfd(fd: cancel.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&watched, 2, Int32(clamping: left))
        guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
    }
}
