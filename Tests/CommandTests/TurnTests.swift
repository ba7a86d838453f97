import Testing
import Wire

@testable import perimeter

@Suite struct TurnTests {
    private let now = Timestamp(microseconds: 1_800_000_000_000_000)

    private func event(_ type: String, _ id: String, _ more: JSON.Object = [:]) -> JSON {
        var object: JSON.Object = ["type": .string(type), "id": .string(id), "processed_at": JSON(now)]
        for member in more.members { object[member.key] = member.value }
        return .object(object)
    }

    @Test func `a turn reads as a timeline, each event once`() {
        var timeline = Timeline(layout: TimelineLayout(width: 80))
        let events = [
            event("user.message", "1", ["content": [["type": "text", "text": "go"]]]),
            event("agent.tool_use", "2", ["name": "bash", "input": ["command": "echo hi"]]),
            event(
                "user.tool_result", "3", ["tool_use_id": "2", "content": [["type": "text", "text": "hi\u{1B}[2J"]]]),
            event("agent.message", "4", ["content": [["type": "text", "text": "done"]]]),
            event("session.status_idle", "5", ["stop_reason": ["type": "end_turn"]]),
        ]
        var text = ""
        for event in events + events { text += timeline.take(event, now: now) }
        for part in ["go", "bash", "echo hi", "hi", "done", "end_turn"] { #expect(text.contains(part), "\(part)") }
        #expect(text.components(of: "done") == 1)
        #expect(!text.contains("\u{1B}"))
    }

    @Test func `an answer that streams in is not printed twice`() {
        var timeline = Timeline(layout: TimelineLayout(width: 80))
        var text = timeline.take(["type": "event_start", "event": ["type": "agent.message", "id": "4"]], now: now)
        for part in ["hel", "lo"] {
            text += timeline.take(
                [
                    "type": "event_delta", "event_id": "4",
                    "delta": [
                        "type": "content_delta", "index": 0, "content": ["type": "text", "text": .string(part)],
                    ],
                ], now: now)
        }
        text += timeline.take(event("agent.message", "4", ["content": [["type": "text", "text": "hello"]]]), now: now)
        #expect(text.components(of: "hello") == 1)
    }

    @Test(arguments: [
        ("end_turn", RunMachine.Outcome.completed),
        ("retries_exhausted", .failed("the model could not be reached, retries are used up")),
        ("refusal", .failed("the model refused")), ("later", .failed("the session stopped: later")),
    ])
    func `the end of a turn decides the exit`(reason: String, outcome: RunMachine.Outcome) {
        var machine = RunMachine()
        let idle = event("session.status_idle", "1", ["stop_reason": ["type": .string(reason)]])
        #expect(machine.take(idle) == [.finish(outcome)])
        #expect(machine.take(idle) == [])
    }

    @Test func `asks go to the person, calls of workers do not`() {
        var machine = RunMachine()
        _ = machine.take(
            event("agent.tool_use", "a", ["name": "bash", "input": ["command": "x"], "evaluated_permission": "ask"]))
        _ = machine.take(
            event("agent.tool_use", "b", ["name": "bash", "input": ["command": "y"], "evaluated_permission": "allow"]))
        let idle = event(
            "session.status_idle", "1", ["stop_reason": ["type": "requires_action", "event_ids": ["a", "b"]]])
        let steps = machine.take(idle)
        guard case .ask(let call)? = steps.first, steps.count == 1 else {
            Issue.record("\(steps)")
            return
        }
        #expect(call.id == "a")
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(part) { count += 1 }
            rest = rest.dropFirst()
        }
        return count
    }
}
