internal import Wire

/// The summaries that the rehearsal model writes: of a plan's outcomes, and of a conversation for compaction.
struct RehearsalSummary {
    let messages: [JSON]
    let transcript: RehearsalTranscript

    private static let maximumPrompts = 20

    /// The text that stands for the conversation after a compaction.
    var text: String {
        let prompts = RehearsalTranscript.spoken(in: messages).map(\.text)
        var lines = ["Summary of \(messages.count) messages by the rehearsal model (not a language model)."]
        if prompts.count > Self.maximumPrompts {
            lines.append("\(prompts.count - Self.maximumPrompts) earlier prompts are left out.")
        }
        lines += prompts.suffix(Self.maximumPrompts).map { "- asked: " + Self.excerpt($0, lines: 1) }
        if transcript.callCount > 0 { lines.append(Self.outcomes(of: transcript)) }
        if !transcript.isAnswered, !transcript.prompt.isEmpty {
            let marker = RehearsalMarker(
                prompt: transcript.prompt, calls: transcript.callCount, lastCall: transcript.calls.last?.id ?? "")
            lines.append(marker.text)
        }
        return lines.joined(separator: "\n")
    }

    /// What became of the tool calls since the prompt.
    static func outcomes(of transcript: RehearsalTranscript) -> String {
        let failed = transcript.calls.count { $0.isError }
        let count = transcript.callCount
        var lines = [
            "Rehearsed \(count) tool \(count == 1 ? "call" : "calls")" + (failed > 0 ? ", \(failed) failed:" : ":")
        ]
        if transcript.forgottenCalls > 0 { lines.append("(\(transcript.forgottenCalls) before the compaction)") }
        for (index, call) in transcript.calls.enumerated() {
            let outcome = call.result == nil ? "no result" : call.isError ? "failed" : "ok"
            lines.append("\(transcript.forgottenCalls + index + 1). \(call.name): \(outcome)")
            let excerpt = excerpt(call.result ?? "", lines: 4)
            if !excerpt.isEmpty { lines.append("   " + excerpt.split(separator: "\n").joined(separator: "\n   ")) }
        }
        return lines.joined(separator: "\n")
    }

    /// The first non-empty lines of a text, each cut at a readable length.
    private static func excerpt(_ text: String, lines: Int) -> String {
        let found = text.split(whereSeparator: \.isNewline).prefix(lines + 1)
        let shown = found.prefix(lines).map { $0.count > 200 ? $0.prefix(200) + "…" : $0 }
        return shown.joined(separator: "\n") + (found.count > lines && lines > 1 ? "\n…" : "")
    }
}
