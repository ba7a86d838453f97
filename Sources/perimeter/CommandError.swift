internal import ArgumentParser

/// Why a command did not do what it was asked: what happened, and what to do about it.
struct CommandError: Error, Sendable, CustomStringConvertible {
    /// Decides the exit status, which scripts rely on (docs/cli.md).
    enum Code: Int32, Sendable {
        case failure = 1
        case usage = 2
        case notFound = 3
        case unauthenticated = 4
        case unreachable = 5
        case interrupted = 130
    }

    var code: Code
    var message: String
    /// The server's `request-id`, when it answered.
    var requestID: String?
    var remedy: String?

    init(_ code: Code, _ message: String, requestID: String? = nil, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.requestID = requestID
        self.remedy = remedy
    }

    /// As it is printed on standard error.
    var description: String {
        var text = "error: \(message)"
        if let requestID { text += "\n  request id: \(requestID)" }
        if let remedy { text += "\n  remedy: \(remedy)" }
        return text
    }
}
