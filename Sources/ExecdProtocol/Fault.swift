/// Why a request failed that has no result of its own.
package struct Fault: Error, Equatable, Sendable {
    package enum Code: UInt8, Sendable {
        /// The other end has another protocol version, or broke the protocol.
        case violation = 1
        /// A path outside the permitted roots, or below a read-only one.
        case denied
        /// The file system refused.
        case failed
        /// A bound was reached.
        case exhausted
        /// A newer connection took over.
        case replaced
    }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
