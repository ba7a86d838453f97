public import Wire

/// One request to a model, in the terms of the Messages API.
public struct ModelRequest: Sendable, Equatable {
    public var model: String
    /// The most tokens the model may produce.
    public var maxTokens: Int
    /// A string or an array of text blocks; nil and empty are left out.
    public var system: JSON?
    /// Messages as the Messages API takes them, oldest first.
    public var messages: [JSON]
    /// Tool definitions as the Messages API takes them.
    public var tools: [JSON]
    /// `low` to `max`; goes out as `output_config.effort`. Nil leaves the choice to the provider.
    public var effort: String?
    /// `standard` or `fast`; only `fast` is sent.
    public var speed: String?
    public var inferenceGeo: String?
    /// Further members of the body, such as `thinking` or `tool_choice`; they win over those made from the fields above.
    public var extra: JSON.Object
    /// Values for the `anthropic-beta` header.
    public var betas: [String]
    /// Names the conversation (a session thread) for back ends that count attempts. Never sent to a provider.
    public var conversation: String?

    public init(
        model: String, maxTokens: Int = 32_000, system: JSON? = nil, messages: [JSON] = [], tools: [JSON] = [],
        effort: String? = nil, speed: String? = nil, inferenceGeo: String? = nil, extra: JSON.Object = [:],
        betas: [String] = [], conversation: String? = nil
    ) {
        self.model = model
        self.maxTokens = maxTokens
        self.system = system
        self.messages = messages
        self.tools = tools
        self.effort = effort
        self.speed = speed
        self.inferenceGeo = inferenceGeo
        self.extra = extra
        self.betas = betas
        self.conversation = conversation
    }

    /// The body of `POST /v1/messages` for this request.
    public func body(stream: Bool) -> JSON {
        var body = JSON.Object([
            (key: "model", value: .string(model)), (key: "max_tokens", value: JSON(maxTokens)),
        ])
        if let system, system != .null, system != .string(""), system != .array([]) { body["system"] = system }
        if !tools.isEmpty { body["tools"] = .array(tools) }
        body["messages"] = .array(messages)
        if let effort { body["output_config"] = ["effort": .string(effort)] }
        if speed == "fast" { body["speed"] = "fast" }
        if let inferenceGeo { body["inference_geo"] = .string(inferenceGeo) }
        for member in extra.members {
            if case .object(var known)? = body[member.key], case .object(let more) = member.value {
                for inner in more.members { known[inner.key] = inner.value }
                body[member.key] = .object(known)
            } else {
                body[member.key] = member.value
            }
        }
        if stream { body["stream"] = true }
        return .object(body)
    }
}
