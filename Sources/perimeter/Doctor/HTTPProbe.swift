internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// One short GET request, for checks.
struct HTTPProbe: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: String
        var date: String?
    }

    let http: HTTPClient

    /// - Throws: what the transport says when nobody answers within some seconds.
    func get(_ url: String, headers: [(name: String, value: String)] = []) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        let response = try await http.execute(request, deadline: .now() + .seconds(8))
        // Only the beginning matters, and only when it arrives whole.
        let body = try? await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: Int(response.status.code), body: body.map { String(buffer: $0) } ?? "",
            date: response.headers.first(name: "date"))
    }
}
