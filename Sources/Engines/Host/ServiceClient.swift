internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

/// Requests to the service behind an engine. Bodies are bounded, redirects are not followed: the secret goes nowhere else.
struct ServiceClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var fields: HTTPHeaders
        var body: [UInt8]
    }

    /// Shared like an event loop group: connections are kept by address and trust.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        configuration.httpVersion = .http1Only
        configuration.maximumUsesPerConnection = 1000
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }()

    let url: ServiceURL
    /// How the server is checked; nil takes the host's certificates.
    let trust: TLSConfiguration?

    /// - Parameter target: path and query, with a leading slash.
    /// - Throws: `.lost` when there was no whole answer: the request may have been done; `.protocolViolation` for a body of
    ///   more than `limit` bytes; `.timedOut`.
    func send(
        _ method: HTTPMethod, _ target: String, fields: HTTPHeaders, body: [UInt8]?, limit: Int, deadline: Duration
    ) async throws(SandboxError) -> Answer {
        try await stream(method, target, fields: fields, body: body.map { .bytes($0) }, deadline: deadline) {
            (response) async throws in
            let declared = response.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            guard declared <= limit else { throw NIOTooManyBytesError(maxBytes: limit) }
            let bytes = try await response.body.collect(upTo: limit)
            return Answer(
                status: Int(response.status.code), fields: response.headers, body: Array(bytes.readableBytesView))
        }
    }

    /// As ``send``, with a body that is read, and an answer that is taken, piece by piece.
    func stream<Value: Sendable>(
        _ method: HTTPMethod, _ target: String, fields: HTTPHeaders, body: HTTPClientRequest.Body?, deadline: Duration,
        _ take: (HTTPClientResponse) async throws -> Value
    ) async throws(SandboxError) -> Value {
        var request = HTTPClientRequest(url: "\(url)\(target)")
        request.method = method
        request.headers = fields
        request.headers.add(name: "user-agent", value: "perimeter")
        request.body = body
        request.tlsConfiguration = trust
        do {
            return try await take(try await Self.client.execute(request, deadline: .now() + TimeAmount(deadline)))
        } catch let error as SandboxError {
            throw error
        } catch is NIOTooManyBytesError {
            throw SandboxError(.protocolViolation, "\(url.authority) answered with too many bytes")
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout {
            throw SandboxError(.timedOut, "\(url.authority) did not answer within \(deadline)", cause: error)
        } catch {
            throw SandboxError(
                .lost, "no answer from \(url.authority): \(String(peer: "\(error)", limit: 200))", cause: error)
        }
    }
}
