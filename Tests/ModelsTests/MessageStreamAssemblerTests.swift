import Testing
import Wire

@testable import Models

@Suite struct MessageStreamAssemblerTests {
    /// Feeds a stream cut into the given chunks.
    private func assemble(_ chunks: [[UInt8]]) throws -> (events: [ModelEvent], response: ModelResponse) {
        var decoder = SSEDecoder()
        var assembler = MessageStreamAssembler()
        var events: [ModelEvent] = []
        for chunk in chunks {
            for frame in try decoder.feed(chunk) { events += try assembler.take(event: frame.event, data: frame.data) }
        }
        return (events, try assembler.finish())
    }
    private func assemble(_ text: String) throws -> (events: [ModelEvent], response: ModelResponse) {
        try assemble([Array(text.utf8)])
    }
    private func failure(_ text: String) -> ModelError? {
        do {
            _ = try assemble(text)
            return nil
        } catch {
            return error as? ModelError
        }
    }
    private func frame(_ data: String) -> String { "data: \(data)\n\n" }

    @Test func `a text answer streams its deltas and ends with the whole response`() throws {
        let (events, response) = try assemble(StreamSamples.text)
        let started = ModelUsage(
            inputTokens: 12, outputTokens: 1, cacheReadInputTokens: 7, cacheCreationInputTokens: 5, ephemeral5m: 5,
            speed: "standard")
        var usage = started
        usage.outputTokens = 9
        let block: JSON = ["type": "text", "text": "Grüße, Welt"]
        #expect(response == ModelResponse(id: "msg_01", content: [block], stopReason: "end_turn", usage: usage))
        #expect(usage.promptTokens == 24)
        #expect(
            events == [
                .started(started), .blockStarted(index: 0, block: ["type": "text", "text": ""]),
                .textDelta(index: 0, text: "Grüße, "), .textDelta(index: 0, text: "Welt"),
                .blockFinished(index: 0, block: block), .finished(response),
            ])
    }

    @Test func `thinking keeps its signature and tool input is parsed at the end of its block`() throws {
        let (events, response) = try assemble(StreamSamples.thinkingAndTool)
        #expect(
            response.content == [
                ["type": "thinking", "thinking": "Look first.", "signature": "c2ln"],
                ["type": "tool_use", "id": "toolu_01", "name": "bash", "input": ["command": "ls"]],
            ])
        #expect(response.stopReason == "tool_use")
        #expect(response.malformedToolInputs.isEmpty)
        #expect(events.contains(.thinkingDelta(index: 0, text: "Look ")))
        #expect(events.contains(.inputDelta(index: 1, text: "{\"comm")))
        #expect(!events.contains(.inputDelta(index: 1, text: "")))
    }

    @Test(arguments: [StreamSamples.text, StreamSamples.thinkingAndTool])
    func `the cuts between chunks change nothing`(stream: String) throws {
        let whole = try assemble(stream)
        let bytes = Array(stream.utf8)
        for seed in UInt64(1)...60 {
            var generator = SeededGenerator(seed: seed)
            var chunks: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...(seed % 2 == 0 ? 7 : 400), using: &generator)
                chunks.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let cut = try assemble(chunks)
            #expect(cut.events == whole.events, "seed \(seed)")
            #expect(cut.response == whole.response, "seed \(seed)")
        }
    }

    @Test func `a stream cut off anywhere before its end is broken and worth a retry`() throws {
        let bytes = Array(StreamSamples.thinkingAndTool.utf8)
        for length in stride(from: 0, to: bytes.count - 1, by: 13) {
            let error = failure(String(decoding: bytes[..<length], as: UTF8.self))
            #expect(error?.code == .streamBroken, "after \(length) bytes")
            #expect(error?.isRetryable == true)
        }
    }

    @Test func `random damage gives a response or a typed error`() {
        for seed in UInt64(1)...400 {
            var generator = SeededGenerator(seed: seed)
            var bytes = Array(StreamSamples.thinkingAndTool.utf8)
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do {
                _ = try assemble([bytes])
            } catch {
                #expect(error is ModelError, "seed \(seed): \(error)")
            }
        }
    }

    @Test func `an error inside the stream has the code of its type`() {
        let error = failure(StreamSamples.brokenByError)
        #expect(error?.code == .overloaded)
        #expect(error?.message == "the model provider is overloaded: Overloaded")
    }

    @Test(arguments: [#"{\"command\": "#, #"[1]"#, #"{\"a\":1,\"a\":2}"#])
    func `a botched tool input becomes an empty one with a reason`(input: String) throws {
        let stream =
            StreamSamples.start
            + frame(
                #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_9","name":"bash"}}"#
            )
            + frame(
                #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\#(input)"}}"#
            )
            + frame(#"{"type":"content_block_stop","index":0}"#) + StreamSamples.stop("tool_use", output: 3)
        let response = try assemble(stream).response
        #expect(response.content == [["type": "tool_use", "id": "toolu_9", "name": "bash", "input": [:]]])
        #expect(response.malformedToolInputs["toolu_9"] != nil)
    }

    @Test func `unknown events, blocks and deltas are carried or passed over`() throws {
        let stream =
            StreamSamples.start + frame(#"{"type":"weather","rain":true}"#)
            + frame(#"{"type":"content_block_start","index":0,"content_block":{"type":"novel","secret":[1,2]}}"#)
            + frame(#"{"type":"content_block_delta","index":0,"delta":{"type":"novel_delta","x":1}}"#)
            + frame(#"{"type":"content_block_stop","index":0}"#)
            + frame(
                #"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}"#)
            + frame(
                #"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location"}}}"#
            )
            + frame(#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"t"}}"#)
            + frame(#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#)
            + StreamSamples.stop("weird_reason", output: 2)
        let response = try assemble(stream).response
        #expect(
            response.content == [
                ["type": "novel", "secret": [1, 2]],
                ["type": "text", "text": "t", "citations": [["type": "char_location"]]],
            ])
        #expect(response.stopReason == "weird_reason")
    }

    @Test func `a refusal keeps its details`() throws {
        let stream =
            StreamSamples.start
            + frame(
                #"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":null}},"usage":{"output_tokens":0}}"#
            ) + frame(#"{"type":"message_stop"}"#)
        let response = try assemble(stream).response
        #expect(response.stopReason == "refusal")
        #expect(response.stopDetails?["category"] == "cyber")
        #expect(response.content.isEmpty)
    }

    @Test(arguments: [
        #"{"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"x"}}"#,
        #"{"type":"content_block_stop","index":0}"#,
        #"{"type":"content_block_start","content_block":{"type":"text"}}"#,
        "not json",
    ])
    func `what would lose content breaks the stream`(data: String) {
        #expect(failure(StreamSamples.start + frame(data))?.code == .streamBroken)
    }

    @Test func `a response above the bounds is given up`() throws {
        var assembler = MessageStreamAssembler(maximumBytes: 100, maximumBlocks: 1)
        let block = Array(#"{"type":"content_block_start","index":0,"content_block":{"type":"x"}}"#.utf8)
        _ = try assembler.take(event: nil, data: block)
        #expect(throws: ModelError.self) { try assembler.take(event: nil, data: block) }
        var narrow = MessageStreamAssembler(maximumBlocks: 1)
        _ = try narrow.take(event: nil, data: block)
        let second = Array(#"{"type":"content_block_start","index":1,"content_block":{"type":"x"}}"#.utf8)
        #expect(throws: ModelError.self) { try narrow.take(event: nil, data: second) }
    }

    @Test func `absurd counts do not overflow`() throws {
        let stream =
            frame(
                #"{"type":"message_start","message":{"usage":{"input_tokens":9223372036854775807,"output_tokens":-4}}}"#
            )
            + frame(#"{"type":"message_delta","delta":{},"usage":{"cache_read_input_tokens":9223372036854775807}}"#)
            + frame(#"{"type":"message_stop"}"#)
        let usage = try assemble(stream).response.usage
        #expect(usage.outputTokens == 0)
        #expect(usage.promptTokens > 0)
    }
}
