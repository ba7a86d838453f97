/// Bytes to and from something inside a sandbox: a port, or a shell that a person uses.
///
/// Reading ends with nil once the other side has closed or the shell has ended; then ``exitCode`` is known.
public protocol SandboxStream: OutboundConnection {
    /// How the shell ended, 128 + n for signal n; nil while it runs, and for ports.
    var exitCode: Int32? { get }

    /// Tells the shell's terminal its size; nothing for other streams.
    func resize(columns: UInt16, rows: UInt16) async
}

/// What a stream leads to.
public enum StreamTarget: Sendable, Equatable {
    /// A TCP port on the loopback inside.
    case port(UInt16)
    /// A shell on a terminal; an empty command is an interactive login shell.
    case terminal(columns: UInt16, rows: UInt16, command: String)
    /// A command with plain streams, standard output and error together.
    case command(String)
}
