#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The person's terminal, passing every key on while it exists (termios(3), raw mode).
struct RawTerminal: ~Copyable {
    private var before = termios()

    /// Nil when standard input is no terminal.
    init?() {
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var raw = before
        cfmakeraw(&raw)
        guard tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 else { return nil }
    }

    deinit {
        var before = before
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
    }

    static var size: (columns: UInt16, rows: UInt16) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (size.ws_col, size.ws_row)
    }
}
