internal import AsyncHTTPClient
internal import Logging
internal import Models
internal import Wire

extension ModelTable {
    /// The back ends that the settings name.
    /// - Throws: ``CommandError`` `.usage` for an endpoint that is no URL, or a provider that lacks its key.
    init(settings: Settings, http: HTTPClient, logger: Logger) throws(CommandError) {
        // One instance, since it remembers the attempts of scripted failures.
        let rehearsal = RehearsalBackend(actsForClaude: settings.modelProvider == "rehearsal")
        func backend(
            _ provider: String, _ baseURL: String?, _ key: Secret?, _ name: String
        ) throws(CommandError) -> any ModelBackend {
            guard provider != "rehearsal" else { return rehearsal }
            guard key != nil || baseURL != nil else {
                throw CommandError(
                    .usage, "\(name): the provider anthropic needs a key",
                    remedy:
                        "set PERIMETER_MODEL_API_KEY, or use PERIMETER_MODEL_PROVIDER=rehearsal for a trial without one"
                )
            }
            let configuration: AnthropicConfiguration
            do {
                configuration = try AnthropicConfiguration(
                    baseURL: baseURL ?? AnthropicConfiguration.officialURL, apiKey: key)
            } catch {
                throw CommandError(.usage, "\(name): \(error.message)")
            }
            return AnthropicBackend(configuration: configuration, client: http, logger: logger)
        }
        var routes: [ModelRoute] = []
        for (index, route) in settings.modelRoutes.enumerated() {
            let inherits = route.provider == settings.modelProvider
            routes.append(
                ModelRoute(
                    pattern: route.id,
                    backend: try backend(
                        route.provider, route.baseURL ?? (inherits ? settings.modelBaseURL : nil),
                        route.apiKey ?? (inherits && route.baseURL == nil ? settings.modelAPIKey : nil),
                        "model.map[\(index)]")))
        }
        self.init(
            routes: routes,
            default: try backend(settings.modelProvider, settings.modelBaseURL, settings.modelAPIKey, "model"))
    }
}
