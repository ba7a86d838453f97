/// A tool's refusal; the message is what the model reads, and never empty.
package struct ToolError: Error, Equatable, Sendable {
    package enum Code: Sendable { case denied, notFound, invalid, tooLarge, failed, cancelled }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A failed system call on a path the caller named.
    package init(_ failure: SystemFailure, path: String) {
        code = failure.code == 2 ? .notFound : .failed
        message = "\(path): \(failure.phrase)"
    }
}
