internal import ExecdProtocol

/// What the daemon in a sandbox says about itself.
package struct DaemonInfo: Sendable, Equatable {
    /// The same for the daemon's whole life: tells a re-attachment from a fresh sandbox.
    package var instance: UInt64
    /// Absolute, as seen inside.
    package var workDirectory: String
    /// Bytes of one tool result before it spills into a file.
    package var outputLimit: Int
    /// The local port of the way out; nil when it has none.
    package var proxyPort: UInt16?

    init(_ answer: HelloAck) {
        instance = answer.instance
        workDirectory = answer.workDirectory
        outputLimit = Int(answer.outputLimit)
        proxyPort = answer.proxyPort == 0 ? nil : answer.proxyPort
    }
}
