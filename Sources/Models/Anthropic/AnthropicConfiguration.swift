public import Wire

/// Where and how an ``AnthropicBackend`` reaches its endpoint.
public struct AnthropicConfiguration: Sendable {
    /// The official endpoint.
    public static let officialURL = "https://api.anthropic.com"

    /// Scheme, host and optional path, without `/v1` and without a slash at the end.
    public let baseURL: String
    /// Sent as `x-api-key`; nil for local endpoints that want none.
    public var apiKey: Secret?
    /// Further headers, such as an `authorization` for a gateway in between. A header named here replaces our own.
    public var headers: [(name: String, value: Secret)] = []
    /// Whether to mark prompts for the provider's cache. Off for endpoints that refuse `cache_control`.
    public var placesCacheBreakpoints = true
    /// Requests above this are refused here, as the official endpoint would.
    public var maximumRequestBytes = 32 << 20
    /// The longest a whole response may take.
    public var timeLimit = Duration.seconds(3600)
    /// What the endpoint serves; nil for the Claude models.
    public var models: [ModelInfo]?

    /// - Throws: `invalidRequest` for anything but an http or https URL without query.
    public init(baseURL: String = officialURL, apiKey: Secret? = nil) throws(ModelError) {
        var trimmed = baseURL[...]
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        if trimmed.hasSuffix("/v1") { trimmed.removeLast(3) }
        let rest = ["https://", "http://"].first(where: trimmed.hasPrefix).map { trimmed.dropFirst($0.utf8.count) }
        guard let rest, let first = rest.first, first != "/", !rest.contains(where: { "?#@ ".contains($0) }) else {
            throw ModelError(.invalidRequest, "the model base URL must look like https://host[:port][/path]")
        }
        self.baseURL = String(trimmed)
        self.apiKey = apiKey
    }
}
