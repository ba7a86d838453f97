/// Why a TCP stream ended before both directions did.
package enum ResetReason: UInt8, Sendable {
    case unspecified = 0
    /// Nothing listens on the port inside, or the worker does not take the connection.
    case refused
    /// The stream limit is reached.
    case tooManyStreams
    /// The socket broke.
    case brokenPipe
}
