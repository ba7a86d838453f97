/// One request of the worker, as the scripted server saw it.
struct RecordedRequest: Sendable {
    var method: String
    /// Path and query, undecoded.
    var target: String
    var headers: [String: String]
    var body: String

    var path: String { String(target.prefix { $0 != "?" }) }

    /// One line for a golden file: what a server may rely on.
    func line(credentials: [String: String]) -> String {
        let bearer = headers["authorization"].map { String($0.dropFirst("Bearer ".count)) } ?? ""
        var facts = ["\(method) \(target)", "as=\(credentials[bearer] ?? "unknown")"]
        facts.append("version=\(headers["anthropic-version"] ?? "none")")
        facts.append("beta=\(headers["anthropic-beta"] ?? "none")")
        for name in ["accept", "content-type", "anthropic-worker-id", "x-perimeter-sandbox"] {
            if let value = headers[name] { facts.append("\(name)=\(value)") }
        }
        if method == "POST" { facts.append("body=\(body)") }
        return facts.joined(separator: " | ")
    }
}
