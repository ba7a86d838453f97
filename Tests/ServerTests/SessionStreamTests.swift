import HTTPTypes
import HummingbirdTesting
import NIOCore
import Orchestrator
import Store
import Synchronization
import Testing
import Wire

@testable import Server

/// What a stream has written so far.
final class WrittenFrames: Sendable {
    private let text = Mutex("")
    func append(_ bytes: [UInt8]) { text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    var names: [String] {
        text.withLock { text in
            text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
        }
    }
    var all: String { text.withLock { $0 } }
}

@Suite struct SessionStreamTests {
    private func stream(_ rig: ServerRig, _ previews: PreviewHub, _ types: Set<EventType> = []) throws -> SessionStream
    {
        SessionStream(
            store: rig.store, previews: previews, session: try #require(SessionID(rig.session)), start: 0,
            previewTypes: types, keepAlive: .seconds(600), stop: StreamStop())
    }

    @Test func `events come in order and a deleted session ends the stream`() async throws {
        try await ServerRig.with { rig in
            let frames = WrittenFrames()
            let stream = try stream(rig, PreviewHub())
            let path = "/v1/sessions/\(rig.session)"
            async let running: Void = stream.run { frames.append($0) }
            _ = try await rig.json(.post, path, ["title": "t"])
            _ = try await rig.json(.post, path, ["title": "u"])
            _ = try await rig.json(.delete, path)
            try await running
            // Events of a session that was deleted before they were sent are gone with it.
            #expect(frames.names.last == "session.deleted")
            #expect(frames.all.hasSuffix("\n\n"))
        }
    }

    @Test func `previews stand before their event and only for those who asked`() async throws {
        try await ServerRig.with { rig in
            let previews = PreviewHub()
            let (with, without) = (WrittenFrames(), WrittenFrames())
            let (first, second) = (try stream(rig, previews, [.agentMessage]), try stream(rig, previews))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run { with.append($0) } }
                group.addTask { try await second.run { without.append($0) } }
                while with.all.isEmpty || without.all.isEmpty { await Task.yield() }
                let id = try #require(EventID("sevt_1"))
                let session = try #require(SessionID(rig.session))
                previews.publish(session, .start(.agentMessage, id))
                previews.publish(session, .start(.agentThinking, id))
                previews.publish(session, .delta(id, index: 0, text: "he"))
                while with.names.count < 2 { await Task.yield() }
                _ = try await rig.json(.delete, "/v1/sessions/\(rig.session)")
                try await group.waitForAll()
            }
            #expect(with.names == ["event_start", "event_delta", "session.deleted"])
            #expect(without.names == ["session.deleted"])
        }
    }

    @Test func `a stream that is ended returns and the session goes on`() async throws {
        try await ServerRig.with { rig in
            let stream = try stream(rig, PreviewHub())
            async let running: Void = stream.run { _ in }
            stream.end()
            try await running
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)") == 200)
        }
    }
}
