import Testing
import Wire

@testable import Models

@Suite struct RehearsalPlanTests {
    @Test func `any text is a plan, and any conversation gets an answer or a typed error`() async throws {
        let words = [
            "say", "think", "tool", "mcp", "parallel", "fail", "overloaded", "break", "tokens", "slow", "refuse",
            "max_tokens",
            "```bash", "```write", "```", "````", "a.b", "{\"x\":1}", "{", "-1", "0", "99999999999999999999", "\n",
            "\r\n", "\n",
            "é\u{301}", "<rehearsal:continue calls=\"", "2", "\" last=\"", "\">\n", "\n</rehearsal:continue>",
            "<perimeter:",
            "<perimeter:compact>",
        ]
        for seed in UInt64(1)...300 {
            var generator = SeededGenerator(seed: seed)
            func text(_ generator: inout SeededGenerator) -> String {
                (0..<Int.random(in: 0...25, using: &generator)).map { _ in
                    (words.randomElement(using: &generator) ?? "") + (Bool.random(using: &generator) ? " " : "")
                }.joined()
            }
            let messages = (0..<Int.random(in: 0...6, using: &generator)).map { index -> JSON in
                let texts: [JSON] = [
                    ["type": "text", "text": .string(text(&generator))],
                    ["type": "tool_use", "id": .string("t\(index)"), "name": "bash", "input": [:]],
                    [
                        "type": "tool_result", "tool_use_id": .string("t\(max(0, index - 1))"),
                        "content": .string(text(&generator)),
                    ],
                    ["type": .null], 7,
                ]
                let content: JSON =
                    Bool.random(using: &generator)
                    ? .array((0..<3).compactMap { _ in texts.randomElement(using: &generator) })
                    : .string(text(&generator))
                return ["role": Bool.random(using: &generator) ? "user" : "assistant", "content": content]
            }
            let backend = RehearsalBackend(clock: CountingClock())
            let request = ModelRequest(model: "rehearsal-1", messages: messages)
            do throws(ModelError) {
                let response = try await backend.respond(to: request) { _ in }
                #expect(!response.stopReason.isEmpty, "seed \(seed)")
                let isFilled = response.content.allSatisfy { $0["type"] != "text" || $0["text"] != "" }
                #expect(isFilled, "seed \(seed)")
            } catch {
                #expect(error.message.hasPrefix("rehearsed"), "seed \(seed)")
            }
        }
    }

    @Test func `longer fences hold shorter ones, and an open block ends with the text`() {
        let plan = RehearsalPlan(prompt: "````write doc.md\n```bash\nx\n```\n````\n```bash\nopen")
        #expect(
            plan.turns.flatMap(\.calls) == [
                RehearsalCall("write", ["file_path": "doc.md", "content": "```bash\nx\n```\n"]),
                RehearsalCall("bash", ["command": "open"]),
            ])
    }

    @Test func `windows line ends and indentation do not change a plan`() {
        let unix = RehearsalPlan(prompt: "say a\n```bash\nls\n```")
        #expect(RehearsalPlan(prompt: "say a\r\n```bash\r\nls\r\n```") == unix)
        #expect(RehearsalPlan(prompt: "   say a  \n  ```bash\nls\n  ```") == unix)
    }

    @Test func `a marker survives the text around it`() {
        let marker = RehearsalMarker(prompt: "say \"x\">\n```bash\n</a>\n```", calls: 3, lastCall: "toolu_1")
        #expect(RehearsalMarker(in: "before\n\(marker.text)\nafter") == marker)
        #expect(RehearsalMarker(in: "<rehearsal:continue calls=\"-1\" last=\"\">\nx\n</rehearsal:continue>") == nil)
        #expect(RehearsalMarker(in: "nothing") == nil)
    }
}
