/// Streams as the official endpoint sends them, shortened.
enum StreamSamples {
    static func frame(_ type: String, _ data: String) -> String { "event: \(type)\ndata: \(data)\n\n" }

    static let start = frame(
        "message_start",
        #"{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-opus-5","content":[],"stop_reason":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":5,"cache_read_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":0},"output_tokens":1,"speed":"standard"}}}"#
    )
    static func stop(_ reason: String, output: Int) -> String {
        frame(
            "message_delta",
            #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)","stop_sequence":null},"usage":{"output_tokens":\#(output)}}"#
        ) + frame("message_stop", #"{"type":"message_stop"}"#)
    }

    static let text =
        start
        + frame(
            "content_block_start",
            #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#)
        + frame("ping", #"{"type":"ping"}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße, "}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Welt"}}"#)
        + frame("content_block_stop", #"{"type":"content_block_stop","index":0}"#)
        + stop("end_turn", output: 9)

    static let thinkingAndTool =
        start
        + frame(
            "content_block_start",
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#
        )
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Look "}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"first."}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#)
        + frame("content_block_stop", #"{"type":"content_block_stop","index":0}"#)
        + frame(
            "content_block_start",
            #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"bash","input":{}}}"#
        )
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"comm"}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"and\":\"ls\"}"}}"#
        )
        + frame("content_block_stop", #"{"type":"content_block_stop","index":1}"#)
        + stop("tool_use", output: 30)

    static let brokenByError =
        start
        + frame(
            "content_block_start",
            #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#)
        + frame(
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Half"}}"#)
        + frame("error", #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)

    static let truncated = start + frame("ping", #"{"type":"ping"}"#)
}
