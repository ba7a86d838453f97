/// Numbers both ends agree on without negotiation.
package enum ProtocolLimits {
    /// The only version so far; both ends must have the same.
    package static let version: UInt16 = 1
    /// Bytes in one frame's payload.
    package static let maxPayload = 1 << 20
    /// Bytes in one message assembled from fragments. A PDF of 20 MiB fits.
    package static let maxMessage = 32 << 20
    /// Bytes that the fragments of all unfinished messages of a connection may hold together.
    package static let maxAssembly = 64 << 20
    /// Bytes that a TCP stream may send each way before the first `window`.
    package static let initialWindow = 256 << 10
    /// TCP streams of one connection, both kinds together.
    package static let maxStreams = 256
    /// Bytes of the command of a person's shell.
    package static let maxShellCommand = 64 << 10
    /// Bytes of a call id.
    package static let maxCallID = 256
    /// Content blocks of a result.
    package static let maxBlocks = 64
}
