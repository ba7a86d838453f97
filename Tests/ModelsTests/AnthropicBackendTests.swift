import AsyncHTTPClient
import Logging
import Models
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import Wire

@Suite struct AnthropicBackendTests {
    private let request = ModelRequest(
        model: "claude-opus-5", maxTokens: 100, system: "s", messages: [["role": "user", "content": "hi"]],
        effort: "high",
        betas: ["b1", "b2"])

    /// Runs `body` with a back end for a scripted server.
    private func withBackend<Result>(
        _ replies: [ScriptedServer.Reply], readTimeout: Duration = .seconds(20),
        configure: (inout AnthropicConfiguration) -> Void = { _ in },
        _ body: (AnthropicBackend, ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            configuration: .models(connectTimeout: .seconds(5), readTimeout: readTimeout))
        do {
            let result = try await ScriptedServer.with(replies) { server in
                var configuration = try AnthropicConfiguration(baseURL: server.url + "/", apiKey: Secret("sk-test-key"))
                configure(&configuration)
                let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                return try await body(
                    AnthropicBackend(configuration: configuration, client: client, logger: logger), server)
            }
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func failure(of reply: ScriptedServer.Reply, readTimeout: Duration = .seconds(20)) async throws
        -> ModelError
    {
        try await withBackend([reply], readTimeout: readTimeout) { backend, _ in
            do throws(ModelError) {
                let response = try await backend.respond(to: request) { _ in }
                Issue.record("unexpected response \(response)")
                return ModelError(.cancelled, "")
            } catch {
                return error
            }
        }
    }

    @Test func `a text answer streams, and the request is what the endpoint expects`() async throws {
        try await withBackend([.init(body: StreamSamples.text)]) { backend, server in
            let recorder = EventRecorder()
            let response = try await backend.respond(to: request) { recorder.record($0) }
            #expect(response.text == "Grüße, Welt")
            #expect(recorder.text(of: 0) == "Grüße, Welt")
            #expect(recorder.events.last == .finished(response))
            let sent = try #require(server.requests.first)
            #expect(sent.uri == "/v1/messages")
            #expect(sent.headers.first(name: "x-api-key") == "sk-test-key")
            #expect(sent.headers.first(name: "anthropic-version") == "2023-06-01")
            #expect(sent.headers.first(name: "anthropic-beta") == "b1,b2")
            #expect(sent.headers.first(name: "content-type") == "application/json")
            #expect(sent.json["stream"] == true)
            #expect(sent.json["output_config"] == ["effort": "high"])
            #expect(sent.json["system"]?.arrayValue?.first?["cache_control"] == ["type": "ephemeral"])
        }
    }

    @Test func `tools and thinking arrive whole, and one connection serves several requests`() async throws {
        let replies = [ScriptedServer.Reply(body: StreamSamples.thinkingAndTool), .init(body: StreamSamples.text)]
        try await withBackend(replies) { backend, server in
            let response = try await backend.respond(to: request) { _ in }
            #expect(response.content.last?["input"] == ["command": "ls"])
            #expect(response.content.first?["signature"] == "c2ln")
            var next = request
            next.messages.append(response.message)
            next.messages.append(["role": "user", "content": "go on"])
            #expect(try await backend.respond(to: next) { _ in }.stopReason == "end_turn")
            #expect(server.requests.last?.json["messages"]?.arrayValue?[1]["content"] == .array(response.content))
        }
    }

    @Test func `cache marks and efforts can be kept from endpoints that refuse them`() async throws {
        try await withBackend(
            [.init(body: StreamSamples.text)], configure: { $0.placesCacheBreakpoints = false }
        ) { backend, server in
            var plain = request
            plain.model = "claude-haiku-4-5"
            _ = try await backend.respond(to: plain) { _ in }
            #expect(server.requests.first?.json["system"] == "s")
            #expect(server.requests.first?.json["output_config"] == nil)
        }
    }

    @Test func `configured headers are sent and replace our own`() async throws {
        try await withBackend(
            [.init(body: StreamSamples.text)],
            configure: { $0.headers = [("Authorization", Secret("Bearer t")), ("X-Api-Key", Secret("other"))] }
        ) { backend, server in
            _ = try await backend.respond(to: request) { _ in }
            #expect(server.requests.first?.headers["authorization"] == ["Bearer t"])
            #expect(server.requests.first?.headers["x-api-key"] == ["other"])
        }
    }

    @Test func `an error inside the stream, an early end and a lost connection are told apart from answers`()
        async throws
    {
        #expect(try await failure(of: .init(body: StreamSamples.brokenByError)).code == .overloaded)
        #expect(try await failure(of: .init(body: StreamSamples.truncated)).code == .streamBroken)
        let lost = try await failure(of: .init(body: StreamSamples.truncated, ending: .close))
        #expect(lost.isRetryable)
        let empty = try await failure(of: .init(body: ""))
        #expect(empty.code == .streamBroken)
    }

    private func reply(_ status: Int, _ type: String, _ message: String, _ headers: [(String, String)] = [])
        -> ScriptedServer.Reply
    {
        let body: JSON = ["type": "error", "error": ["type": .string(type), "message": .string(message)]]
        return .init(
            status: status, headers: [("content-type", "application/json"), ("request-id", "req_7")] + headers,
            body: body.text)
    }

    @Test func `429 and 529 say how long to wait`() async throws {
        let limited = try await failure(of: reply(429, "rate_limit_error", "slow down", [("retry-after", "7")]))
        #expect(limited.code == .rateLimited)
        #expect(limited.retryAfter == .seconds(7))
        #expect(limited.isRetryable)
        #expect(limited.requestID == "req_7")
        let precise = try await failure(
            of: reply(529, "overloaded_error", "busy", [("retry-after", "7"), ("retry-after-ms", "250")]))
        #expect(precise.code == .overloaded)
        #expect(precise.retryAfter == .milliseconds(250))
        let odd = try await failure(of: reply(529, "overloaded_error", "busy", [("retry-after", "-nan")]))
        #expect(odd.retryAfter == nil)
    }

    @Test func `refusals for good are not worth a retry`() async throws {
        let invalid = try await failure(of: reply(400, "invalid_request_error", "max_tokens: too big"))
        #expect(invalid.code == .invalidRequest)
        #expect(!invalid.isRetryable)
        #expect(invalid.message == "the model provider refused the request (400): max_tokens: too big")
        let long = try await failure(
            of: reply(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000"))
        #expect(long.code == .contextTooLong)
        #expect(try await failure(of: reply(413, "request_too_large", "")).code == .contextTooLong)
        let key = try await failure(of: reply(401, "authentication_error", "bad key sk-test-key"))
        #expect(key.code == .authentication)
        #expect(!key.message.contains("sk-test-key"))
        #expect(try await failure(of: reply(402, "billing_error", "")).code == .billing)
        let credit = "Your credit balance is too low"
        #expect(try await failure(of: reply(400, "invalid_request_error", credit)).code == .billing)
    }

    @Test func `x-should-retry has the last word, and a status speaks where the body does not`() async throws {
        let final = try await failure(of: reply(529, "overloaded_error", "", [("x-should-retry", "false")]))
        #expect(!final.isRetryable)
        let gateway = try await failure(of: .init(status: 502, body: "<html>bad gateway</html>"))
        #expect(gateway.code == .requestFailed)
        #expect(gateway.isRetryable)
        #expect(gateway.message == "the model request failed (502)")
        #expect(
            try await failure(of: .init(status: 307, headers: [("location", "http://127.0.0.1:1/")])).isRetryable
                == false)
    }

    @Test func `silence ends with the read time-out`() async throws {
        let error = try await failure(
            of: .init(body: StreamSamples.truncated, ending: .hang), readTimeout: .milliseconds(200))
        #expect(error.code == .requestFailed)
        #expect(error.message == "the model provider did not answer in time")
    }

    @Test func `an endpoint that is not there is a failure worth a retry`() async throws {
        let (backend, client) = try await withBackend([]) { _, server in
            // The port was free a moment ago and nothing listens on it once the scope is left.
            let client = HTTPClient(
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                configuration: .models(connectTimeout: .seconds(5)))
            let configuration = try AnthropicConfiguration(baseURL: server.url)
            return (
                AnthropicBackend(configuration: configuration, client: client, logger: Logger(label: "test")), client
            )
        }
        var code: ModelError.Code?
        do throws(ModelError) { _ = try await backend.respond(to: request) { _ in } } catch { code = error.code }
        try await client.shutdown()
        #expect(code == .requestFailed)
    }

    @Test func `cancelling ends the stream at once and lets go of the connection`() async throws {
        try await withBackend([.init(body: StreamSamples.truncated, ending: .hang)]) { backend, server in
            let (started, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            let code = await withTaskGroup(of: ModelError.Code?.self) { group in
                group.addTask {
                    do throws(ModelError) {
                        _ = try await backend.respond(to: request) { _ in _ = signal.yield() }
                        return nil
                    } catch {
                        return error.code
                    }
                }
                for await _ in started { break }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(code == .cancelled)
            try await server.abandoned.get()
        }
    }

    @Test func `a request above the limit is not sent`() async throws {
        try await withBackend([], configure: { $0.maximumRequestBytes = 100 }) { backend, server in
            await #expect { try await backend.respond(to: request) { _ in } } throws: { error in
                (error as? ModelError)?.code == .contextTooLong
            }
            #expect(server.requests.isEmpty)
        }
    }

    @Test(arguments: ["", "api.anthropic.com", "ftp://x", "https://", "https:///v1", "https://a b", "https://h?x=1"])
    func `a base URL must be one`(text: String) {
        #expect(throws: ModelError.self) { try AnthropicConfiguration(baseURL: text) }
    }

    @Test func `a base URL may end in v1 or a slash`() throws {
        #expect(try AnthropicConfiguration(baseURL: "https://h/v1/").baseURL == "https://h")
        #expect(
            try AnthropicConfiguration(baseURL: "http://127.0.0.1:9/models/").baseURL == "http://127.0.0.1:9/models")
        #expect(try AnthropicConfiguration().baseURL == "https://api.anthropic.com")
    }
}
