internal import Glibc
internal import NIOCore
internal import Sandbox
internal import Wire

/// Why the daemon did not do what it was asked to.
enum DaemonFailure: Error, Sendable {
    /// Nobody listens, or this process may not connect: nothing was asked.
    case unreachable(String, any Error)
    /// The connection broke after the request was on its way: it may have been carried out.
    case broken(String)
    case timedOut(Duration)
    case malformed(String)
    /// The daemon answered with an error of its own.
    case refused(status: Int, message: String)

    /// Whether the request may have been carried out, or still be.
    var isAmbiguous: Bool {
        switch self {
        case .unreachable: false
        case .broken, .timedOut, .malformed: true
        // A 500 may follow on a part of the work (Podman answers so for a name in use, too).
        case .refused(let status, _): status >= 500
        }
    }

    /// Docker's answer for a name in use, and for a state in which the call makes no sense.
    var isConflict: Bool { if case .refused(409, _) = self { true } else { false } }

    /// Whether another daemon than before may have answered, or none.
    var questionsVersion: Bool {
        switch self {
        case .unreachable, .broken, .malformed, .refused(400, _): true
        case .timedOut, .refused: false
        }
    }

    /// Whether the daemon was there and said no.
    var isRefusal: Bool { if case .refused = self { true } else { false } }

    var isMissing: Bool { if case .refused(404, _) = self { true } else { false } }

    /// The error of an answer. Docker says `{message}`, Podman `{cause, message, response}`, proxies say anything.
    init(_ answer: DaemonExchange.Answer) {
        let json = try? JSON(parsing: answer.body.prefix(1 << 16), maximumDepth: 8)
        let text = json?["message"]?.stringValue ?? String(decoding: answer.body.prefix(400), as: UTF8.self)
        self = .refused(status: answer.status, message: Self.printable(text))
    }

    /// Text of a peer as it may be shown: short, one line, no control characters.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(300).map { scalar -> Unicode.Scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                ? " " : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}

extension SandboxError {
    /// - Parameter action: what was tried, for people.
    init(_ failure: DaemonFailure, while action: String) {
        switch failure {
        case .unreachable(let path, let error):
            let code = (error as? IOError)?.errnoCode
            let remedy =
                code == EACCES
                ? "let the worker use it: run it as root, or add its user to the socket's group"
                : "start it (`systemctl start docker`, or `systemctl start podman.socket`), or name its socket"
            self.init(.unavailable, "no container daemon answers at \(path): \(remedy)", cause: failure)
        case .broken(let reason):
            self.init(
                .unavailable, "the container daemon broke off while it should \(action): \(reason)", cause: failure)
        case .timedOut(let deadline):
            self.init(
                .timedOut, "the container daemon did not \(action) within \(deadline): look at its log", cause: failure)
        case .malformed(let reason):
            self.init(.protocolViolation, "the container daemon sent \(reason)", cause: failure)
        case .refused(let status, let message):
            let (code, remedy) = Self.verdict(status, message)
            self.init(
                code,
                "the container daemon did not \(action) (\(status)): \(message)" + (remedy.map { "; \($0)" } ?? ""),
                cause: failure)
        }
    }

    /// What an error of the daemon means. Statuses differ between Docker and Podman for the same thing, so words decide first.
    private static func verdict(_ status: Int, _ message: String) -> (Code, remedy: String?) {
        let words = message.lowercased()
        if words.contains("no space left") || words.contains("disk quota") {
            return (.quotaExceeded, "make room where the daemon keeps its containers")
        }
        if words.contains("rlimit") {
            return (
                .unavailable, "give the daemon CAP_SYS_RESOURCE, or raise its hard limits (LimitNOFILE, LimitNPROC)"
            )
        }
        if words.contains("runtime") && (words.contains("unknown") || words.contains("not found")) {
            return (.unsupported, "name a runtime that the daemon's configuration has")
        }
        if words.contains("too old") || words.contains("api version") {
            return (.unavailable, "use Docker 20.10, Podman 4, or newer")
        }
        return switch status {
        case 400, 501: (.unsupported, nil)
        case 401, 403: (.unavailable, "let the worker use the daemon")
        case 404: (.lost, nil)
        case 429, 503: (.unavailable, "try again later")
        default: (.unavailable, nil)
        }
    }
}
