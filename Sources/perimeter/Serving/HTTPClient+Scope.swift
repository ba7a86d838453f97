internal import AsyncHTTPClient

extension HTTPClient {
    /// Runs `body` with a client that is closed afterwards.
    static func with<Value: Sendable>(
        _ configuration: Configuration, _ body: (HTTPClient) async throws -> Value
    ) async throws -> Value {
        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        do {
            let value = try await body(client)
            try await client.shutdown()
            return value
        } catch {
            // The first error is the one that counts.
            try? await client.shutdown()
            throw error
        }
    }
}
