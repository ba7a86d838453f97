internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Reads a descriptor on threads that may block.
struct InputBytes: Sendable {
    let descriptor: Int32

    private enum Piece: Sendable { case bytes([UInt8]), nothingYet, end }

    /// The next bytes, at most 64 KiB; nil at the end, when it cannot be read, and when the task is cancelled.
    func next() async -> [UInt8]? {
        while !Task.isCancelled {
            // Looks up now and then, so that a cancelled reader does not hold a thread for ever.
            let piece = try? await NIOThreadPool.singleton.runIfActive { [descriptor] in Self.piece(of: descriptor) }
            switch piece {
            case .bytes(let bytes)?: return bytes
            case .nothingYet?: continue
            case .end?, nil: return nil
            }
        }
        return nil
    }

    private static func piece(of descriptor: Int32) -> Piece {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = poll(&waiting, 1, 200)
        guard ready > 0 else { return ready == 0 || errno == EINTR ? .nothingYet : .end }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return count < 0 && (errno == EINTR || errno == EAGAIN) ? .nothingYet : .end }
        return .bytes(Array(buffer[..<count]))
    }
}
