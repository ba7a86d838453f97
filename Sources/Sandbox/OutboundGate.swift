/// Decides over, and carries, the connections that programs inside a sandbox open to its local proxy port.
///
/// A sandbox has no network of its own: what no gate serves goes nowhere.
public protocol OutboundGate: Sendable {
    /// Serves one connection until both directions have ended. Cancellation ends it at once.
    func serve(_ connection: any OutboundConnection) async
}

/// One such connection, seen from the worker. Each direction has one user at a time.
public protocol OutboundConnection: Sendable {
    /// The next bytes from inside, at most 64 KiB; nil once the program closed its side.
    /// - Throws: ``SandboxError`` `.lost` when the connection broke.
    func read() async throws(SandboxError) -> [UInt8]?

    /// Sends bytes inside; waits while the program does not read.
    func write(_ bytes: [UInt8]) async throws(SandboxError)

    /// Ends the direction towards the program; what it still sends can be read.
    func finish() async

    /// Ends both directions at once. Idempotent.
    func reset() async
}
