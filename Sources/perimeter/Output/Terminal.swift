internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What standard input and output are connected to.
enum Terminal {
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
    static var isErrorOutput: Bool { isatty(STDERR_FILENO) == 1 }
    /// Whether a question can be put to a person.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isOutput }

    /// Columns of the terminal; 100 when there is none.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 100 }
        return Int(size.ws_col)
    }

    /// Colours on a terminal only, and never with `NO_COLOR` (no-color.org).
    static var style: Style {
        let environment = ProcessInfo.processInfo.environment
        let isDumb = environment["TERM"] == "dumb"
        return Style(isColoured: isOutput && !isDumb && (environment["NO_COLOR"] ?? "").isEmpty)
    }

    /// Writes to standard output at once, so that a live timeline is live also through a pipe.
    static func write(_ text: String) { Self.write(text, to: STDOUT_FILENO) }

    static func writeError(_ text: String) { Self.write(text, to: STDERR_FILENO) }

    /// Waits for a line on standard input without blocking a thread of the pool.
    /// - Throws: `CancellationError`.
    static func readLine() async throws -> String? {
        var line: [UInt8] = []
        while true {
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 0) > 0 else {
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            var byte: UInt8 = 0
            guard read(STDIN_FILENO, &byte, 1) == 1 else {
                return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
            }
            if byte == 0x0A { return String(decoding: line, as: UTF8.self) }
            // A bound, since nobody types more.
            if line.count < 65_536 { line.append(byte) }
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { rest in
                #if canImport(Glibc)
                    Glibc.write(descriptor, rest.baseAddress, rest.count)
                #else
                    Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
            }
            guard count > 0 else {
                if errno == EINTR { continue }
                return
            }
            start += count
        }
    }
}
