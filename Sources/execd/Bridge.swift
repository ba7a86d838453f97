internal import CLinux
internal import Glibc
internal import Toolset

/// Carries bytes between standard input and output and the daemon's socket, for engines that can only run a program inside
/// and speak to it: `docker exec`, `runsc exec`, Kubernetes. Knows nothing of what it carries.
struct Bridge {
    private let socket: Descriptor
    private static let connectAttempts = 1000
    private static let connectPause: UInt32 = 10_000

    /// Connects within ten seconds: the daemon may just be starting.
    init(to path: String) throws {
        signal(SIGPIPE, SIG_IGN)
        for attempt in 1... {
            let raw = clinux_connect_unix(path)
            if raw >= 0 {
                socket = Descriptor(raw)
                return
            }
            guard attempt < Self.connectAttempts, errno == ENOENT || errno == ECONNREFUSED else {
                throw SystemFailure(errno, "connect to the daemon")
            }
            usleep(Self.connectPause)
        }
        throw SystemFailure(ETIMEDOUT, "connect to the daemon")
    }

    /// Carries until either side has ended.
    func run() throws -> Int32 {
        _ = clinux_set_nonblocking(socket.raw, 0)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var watched = [
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
                pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&watched, 2, -1) > 0 else {
                if errno == EINTR { continue }
                return 1
            }
            for (entry, target) in zip(watched, [socket.raw, 1]) where entry.revents != 0 {
                let count = read(entry.fd, &buffer, buffer.count)
                if count < 0, errno == EINTR || errno == EAGAIN { continue }
                guard count > 0, Self.write(buffer[..<count], to: target) else { return 0 }
            }
        }
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
            if count < 0, errno == EAGAIN {
                var full = pollfd(fd: target, events: Int16(POLLOUT), revents: 0)
                poll(&full, 1, -1)
                continue
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
