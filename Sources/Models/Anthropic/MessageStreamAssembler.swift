internal import Wire

/// Builds a response from the events of a streamed Messages answer (reference api-core §10.1).
///
/// Pure and total. Events, blocks and deltas of unknown kinds are kept or passed over; what would lose content, such as
/// a delta for a block that never began, breaks the stream.
public struct MessageStreamAssembler: Sendable {
    private let maximumBytes: Int
    private let maximumBlocks: Int
    private var blocks: [MessageStreamBlock] = []
    private var response = ModelResponse(content: [], stopReason: "")
    private var size = 0
    private var hasStarted = false
    /// The message is complete; further events are ignored.
    public private(set) var isFinished = false

    /// - Parameters:
    ///   - maximumBytes: bound for the whole response.
    ///   - maximumBlocks: bound for the number of content blocks.
    public init(maximumBytes: Int = 32 << 20, maximumBlocks: Int = 4096) {
        self.maximumBytes = maximumBytes
        self.maximumBlocks = maximumBlocks
    }

    /// Takes one event and returns what it means for receivers.
    ///
    /// - Parameters:
    ///   - name: the frame's `event`; the `type` inside the data wins.
    ///   - data: the frame's data.
    /// - Throws: ``ModelError`` for an `error` event, malformed data, or a response above the bounds.
    public mutating func take(event name: String?, data: some Collection<UInt8>) throws(ModelError) -> [ModelEvent] {
        guard !isFinished else { return [] }
        size += data.count
        guard size <= maximumBytes else { throw broken("is larger than \(maximumBytes) bytes") }
        let json: JSON
        do { json = try JSON(parsing: data) } catch { throw broken("holds an event that is not valid JSON", error) }
        switch json["type"]?.stringValue ?? name ?? "" {
        case "message_start": return start(json["message"] ?? .null)
        case "content_block_start": return try startBlock(json)
        case "content_block_delta": return try extendBlock(json)
        case "content_block_stop": return try stopBlock(at: json["index"]?.intValue)
        case "message_delta":
            takeMessageDelta(json)
            return []
        case "message_stop": return stop()
        case "error": throw ModelError(providerError: json["error"] ?? .null)
        default: return []
        }
    }

    /// The complete response, to be asked for when the stream has ended.
    ///
    /// - Throws: `streamBroken` when the message was not complete.
    public func finish() throws(ModelError) -> ModelResponse {
        guard isFinished else { throw broken("ended before it was complete") }
        return response
    }

    private mutating func start(_ message: JSON) -> [ModelEvent] {
        guard !hasStarted else { return [] }
        hasStarted = true
        response.id = message["id"]?.stringValue ?? ""
        response.usage.merge(message["usage"] ?? .null)
        return [.started(response.usage)]
    }

    private mutating func startBlock(_ json: JSON) throws(ModelError) -> [ModelEvent] {
        guard let index = json["index"]?.intValue, let block = json["content_block"], block.objectValue != nil else {
            throw broken("holds a content block without index or content")
        }
        guard !blocks.contains(where: { $0.index == index }) else {
            throw broken("begins content block \(index) twice")
        }
        guard blocks.count < maximumBlocks else { throw broken("has more than \(maximumBlocks) content blocks") }
        blocks.append(MessageStreamBlock(index: index, opening: block))
        return [.blockStarted(index: index, block: block)]
    }

    private mutating func extendBlock(_ json: JSON) throws(ModelError) -> [ModelEvent] {
        // The newest block is nearly always the one meant.
        guard let index = json["index"]?.intValue, let position = blocks.lastIndex(where: { $0.index == index }),
            !blocks[position].isComplete
        else { throw broken("extends a content block that is not open") }
        return blocks[position].append(json["delta"] ?? .null).map { [$0] } ?? []
    }

    private mutating func stopBlock(at index: Int?) throws(ModelError) -> [ModelEvent] {
        guard let position = blocks.lastIndex(where: { $0.index == index }) else {
            throw broken("ends a content block that never began")
        }
        return complete(position)
    }

    private mutating func complete(_ position: Int) -> [ModelEvent] {
        guard !blocks[position].isComplete else { return [] }
        blocks[position].complete()
        let block = blocks[position]
        if let reason = block.malformedInput {
            response.malformedToolInputs[block.json["id"]?.stringValue ?? ""] = reason
        }
        return [.blockFinished(index: block.index, block: block.json)]
    }

    private mutating func takeMessageDelta(_ json: JSON) {
        response.usage.merge(json["usage"] ?? .null)
        if let reason = json["delta"]?["stop_reason"]?.stringValue { response.stopReason = reason }
        if let details = json["delta"]?["stop_details"], !details.isNull { response.stopDetails = details }
    }

    private mutating func stop() -> [ModelEvent] {
        // Compatible servers are seen to leave out the last content_block_stop.
        var events: [ModelEvent] = []
        for position in blocks.indices { events += complete(position) }
        response.content = blocks.map(\.json).filter { !($0["type"] == "text" && $0["text"] == "") }
        if response.stopReason.isEmpty {
            response.stopReason = response.content.contains { $0["type"] == "tool_use" } ? "tool_use" : "end_turn"
        }
        isFinished = true
        return events + [.finished(response)]
    }

    private func broken(_ what: String, _ cause: (any Error)? = nil) -> ModelError {
        ModelError(.streamBroken, "the model's response \(what)", cause: cause)
    }
}
