internal import Models
internal import Wire

/// Whether the configured model back end answers.
struct ModelCheck: DoctorCheck {
    let settings: Settings
    let probe: HTTPProbe

    func run() async -> [Finding] {
        let name = "model"
        guard settings.modelProvider != "rehearsal" else {
            return [
                Finding(
                    name, .ok, "rehearsal: an offline stand-in that follows scripts, not a language model",
                    remedy: "for a real one: PERIMETER_MODEL_PROVIDER=anthropic and PERIMETER_MODEL_API_KEY")
            ]
        }
        guard settings.modelAPIKey != nil || settings.modelBaseURL != nil else {
            return [
                Finding(name, .fatal, "the provider anthropic has no key", remedy: "set PERIMETER_MODEL_API_KEY")
            ]
        }
        let configuration: AnthropicConfiguration
        do {
            configuration = try AnthropicConfiguration(
                baseURL: settings.modelBaseURL ?? AnthropicConfiguration.officialURL)
        } catch {
            return [Finding(name, .fatal, error.message, remedy: "correct PERIMETER_MODEL_BASE_URL")]
        }
        let base = configuration.baseURL
        var headers = [(name: "anthropic-version", value: "2023-06-01")]
        if let key = settings.modelAPIKey { headers.append((name: "x-api-key", value: key.reveal())) }
        do {
            let answer = try await probe.get(base + "/v1/models?limit=1", headers: headers)
            switch answer.status {
            case 200: return [Finding(name, .ok, "\(base) answers and accepts the key")]
            case 401, 403:
                return [
                    Finding(
                        name, .fatal, "\(base) refuses the key (status \(answer.status))",
                        remedy: "correct PERIMETER_MODEL_API_KEY")
                ]
            default:
                return [
                    Finding(
                        name, .warning, "\(base) answers, but has no list of models (status \(answer.status))",
                        remedy: "fine for endpoints that only serve /v1/messages")
                ]
            }
        } catch {
            return [
                Finding(
                    name, .fatal, "\(base) cannot be reached: \(error)",
                    remedy: "check the network, a proxy, or PERIMETER_MODEL_BASE_URL")
            ]
        }
    }
}
