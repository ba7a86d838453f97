import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Compares the requests of a run with a file beside the tests.
///
/// Requests that run beside each other have no order on the wire, so each kind is compared in its own lane. With
/// `PERIMETER_RECORD_GOLDEN` in the environment the file is written instead; its change is a reviewed decision.
enum GoldenExchange {
    static func expect(
        _ requests: [RecordedRequest], matches name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var lanes: [String: [String]] = [:]
        for request in requests {
            let line = request.line(credentials: [
                WorkerBench.key: "environment-key", WorkerBench.token: "sessions-token",
            ])
            lanes[lane(of: request), default: []].append(line)
        }
        let text = lanes.sorted { $0.key < $1.key }.map { "# \($0.key)\n\($0.value.joined(separator: "\n"))\n" }
            .joined(separator: "\n")
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let path = "/\(folder)/Golden/\(name).txt"
        if getenv("PERIMETER_RECORD_GOLDEN") != nil { write(text, to: path) }
        #expect(read(path) == text, sourceLocation: sourceLocation)
    }

    private static func lane(of request: RecordedRequest) -> String {
        if request.path.hasSuffix("/heartbeat") { return "lease" }
        if request.path.contains("/work/") { return "item" }
        if request.path.hasSuffix("/events/stream") || (request.method == "GET" && request.path.hasSuffix("/events")) {
            return "events"
        }
        return request.method == "POST" ? "results" : "session"
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { return }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        fwrite(bytes, 1, bytes.count, file)
    }
}
