internal import Glibc

/// Waiting for sockets with an end. Calls block.
enum SocketWait {
    /// Waits for one of the events, or an error to be found by using the socket.
    static func until(_ deadline: ContinuousClock.Instant, _ socket: Int32, _ events: Int32) throws(SystemError) {
        while true {
            let left = deadline - .now
            guard left > .zero else { throw SystemError("wait for the machine", code: ETIMEDOUT) }
            let (seconds, fraction) = left.components
            let milliseconds = Int32(clamping: seconds * 1000 + fraction / 1_000_000_000_000_000 + 1)
            var watched = pollfd(fd: socket, events: Int16(events), revents: 0)
            if poll(&watched, 1, milliseconds) > 0 { return }
        }
    }

    /// Some bytes; nil at the end of the stream.
    static func read(_ socket: Int32, until deadline: ContinuousClock.Instant) throws(SystemError) -> [UInt8]? {
        while true {
            try until(deadline, socket, POLLIN)
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            let count = Glibc.read(socket, &bytes, bytes.count)
            if count > 0 { return Array(bytes[..<count]) }
            if count == 0 { return nil }
            guard errno == EAGAIN || errno == EINTR else { throw SystemError("read from the machine") }
        }
    }
}
