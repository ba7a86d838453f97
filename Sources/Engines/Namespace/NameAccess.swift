internal import CLinux
internal import Glibc

/// Lets the daemon of a sandbox answer at the ports of the usual services before anything runs inside: bubblewrap tells which
/// process is its first, and waits. Calls block.
final class NameAccess {
    private static let patience: Int32 = 10_000
    private var information: (read: Int32, write: Int32)
    private var start: (read: Int32, write: Int32)

    init() throws(SystemError) {
        information = try Self.pipe()
        do throws(SystemError) { start = try Self.pipe() } catch {
            Glibc.close(information.read)
            Glibc.close(information.write)
            throw error
        }
    }

    private static func pipe() throws(SystemError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw SystemError("pipe") }
        return (ends[0], ends[1])
    }

    /// What bubblewrap is to find.
    var descriptors: [(source: Int32, target: Int32)] {
        [
            (information.write, BubblewrapArguments.Descriptor.information),
            (start.read, BubblewrapArguments.Descriptor.start),
        ]
    }

    /// Bubblewrap has its ends.
    func isStarted() {
        for end in [information.write, start.read] { Glibc.close(end) }
        (information.write, start.read) = (-1, -1)
    }

    /// Opens the ports, and lets the first process run, also when they stay closed.
    /// - Returns: why they stay closed; nil when they are open.
    func open() -> String? {
        defer {
            Glibc.close(start.write)
            start.write = -1
        }
        guard let pid = firstProcess() else { return "bubblewrap named no process" }
        let error = clinux_open_low_ports(pid)
        return error == 0 ? nil : SystemError("open the low ports", code: error).description
    }

    func close() {
        for end in [information.read, information.write, start.write, start.read] where end >= 0 { Glibc.close(end) }
    }

    /// From `{ "child-pid": 12, … }`.
    private func firstProcess() -> Int32? {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !text.contains(UInt8(ascii: "}")), text.count < 1 << 16 {
            var entry = pollfd(fd: information.read, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, Self.patience)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let count = read(information.read, &buffer, buffer.count)
            guard count > 0 else { return nil }
            text += buffer[..<count]
        }
        return Self.firstProcess(String(decoding: text, as: UTF8.self))
    }

    static func firstProcess(_ text: String) -> Int32? {
        guard let key = text.firstRange(of: "\"child-pid\":") else { return nil }
        let digits = text[key.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
        guard let pid = Int32(digits), pid > 1 else { return nil }
        return pid
    }
}
