internal import Hummingbird
internal import ServiceLifecycle
internal import Store
internal import Wire

extension API {
    /// The types whose previews a stream asked for.
    /// - Throws: ``WireError`` 400 for another type.
    func previewTypes(_ request: Request) throws(WireError) -> Set<EventType> {
        var reader = try QueryReader(request)
        let names = try reader.list("event_deltas")
        try reader.finish()
        for name in names where name != "agent.message" && name != "agent.thinking" {
            throw .invalid("event_deltas[]: '\(name.prefix(64))' has no previews; use agent.message or agent.thinking")
        }
        return Set(names.map { EventType(rawValue: $0) })
    }

    /// Everything that is appended to a session's log from now on, as server-sent events.
    func streamEvents(of session: SessionRecord, _ request: Request, _ previewTypes: Set<EventType>) -> Response {
        let stream = SessionStream(
            store: store, previews: previews, session: session.id, start: session.lastSeq, previewTypes: previewTypes,
            keepAlive: configuration.keepAlive, stop: StreamStop())
        return Response(
            status: .ok,
            // The connection ends with the stream: a client must not send its next request on it.
            headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .connection: "close"],
            body: ResponseBody { writer in
                let sink = StreamSink(writer)
                // A client that goes away closes its side; a server that stops ends all streams.
                try? await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await withGracefulShutdownHandler {
                        try await stream.run { try await sink.write($0) }
                    } onGracefulShutdown: {
                        stream.end()
                    }
                }
                try await sink.finish()
            })
    }
}
