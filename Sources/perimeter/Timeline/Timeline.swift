internal import Wire

/// Turns the events of a session into text for people, one event after the other. Pure: no clock, no terminal.
///
/// Events may come twice, from the stream and from the list; each is shown once. Kinds nobody knows are named.
struct Timeline: Sendable {
    /// A call that was shown, for its result's line.
    private struct Call: Sendable {
        var label: String
        var time: Timestamp
    }

    let layout: TimelineLayout
    private var clock = TimelineClock()
    /// Identifiers of shown events. Bounded by the session's own log.
    private var shown: Set<String> = []
    private var calls: [String: Call] = [:]
    private var requests: [String: Timestamp] = [:]
    private var preview: MessagePreview?
    private var usage: JSON?

    init(layout: TimelineLayout) { self.layout = layout }

    /// The text to print for `event`, with its line ends; empty for events without a line of their own.
    /// - Parameter now: this machine's clock.
    mutating func take(_ event: JSON, now: Timestamp) -> String {
        let type = event["type"]?.stringValue ?? "unknown"
        let time = clock.time(of: event, now: now)
        switch type {
        case "event_start": return startPreview(event, time)
        case "event_delta": return extendPreview(event)
        default: break
        }
        if let id = event["id"]?.stringValue {
            guard shown.insert(id).inserted else { return "" }
            if preview?.id == id { return finishPreview(event) }
        }
        let text = line(type, event, time)
        guard !text.isEmpty else { return "" }
        return closePreview(note: "") + text
    }

    /// Ends a line that is still being written. Call it before anything else is printed.
    mutating func closePreview(note: String = "") -> String {
        guard preview != nil else { return "" }
        preview = nil
        return (note.isEmpty ? "" : " " + paint(note, .dim)) + "\n"
    }

    // MARK: Previews

    private mutating func startPreview(_ event: JSON, _ time: Timestamp) -> String {
        guard event["event"]?["type"]?.stringValue == "agent.message", let id = event["event"]?["id"]?.stringValue,
            !shown.contains(id), preview?.id != id
        else { return "" }
        let closing = closePreview()
        preview = MessagePreview(id: id)
        return closing + head(time, "agent", .cyan)
    }

    private mutating func extendPreview(_ event: JSON) -> String {
        guard preview != nil, preview?.id == event["event_id"]?.stringValue,
            let added = preview?.take(event["delta"])
        else { return "" }
        return indented(added)
    }

    private mutating func finishPreview(_ event: JSON) -> String {
        let finished = ContentText.text(event["content"])
        let rest = preview?.remainder(of: finished)
        preview = nil
        if let rest { return indented(rest) + "\n" }
        return "\n" + body(finished)
    }

    private func indented(_ text: String) -> String {
        PlainText.sanitised(text).split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "\n" + layout.margin)
    }

    // MARK: Lines

    private mutating func line(_ type: String, _ event: JSON, _ time: Timestamp) -> String {
        switch type {
        case "user.message": return entry(time, "user", .blue, ContentText.text(event["content"]))
        case "user.interrupt": return entry(time, "user", .blue, "interrupts")
        case "user.define_outcome": return entry(time, "outcome", .blue, event["description"]?.stringValue ?? "")
        case "system.message": return entry(time, "system", .blue, ContentText.text(event["content"]))
        case "user.tool_confirmation":
            let call = event["tool_use_id"]?.stringValue.flatMap { calls[$0]?.label } ?? "a call"
            let reason = event["deny_message"]?.stringValue.map { ": " + $0 } ?? ""
            return entry(
                time, "user", .blue, (event["result"]?.stringValue == "allow" ? "allows " : "denies ") + call + reason)
        case "agent.message": return entry(time, "agent", .cyan, ContentText.text(event["content"]))
        case "agent.thinking": return entry(time, "agent", .dim, "(thinks)", .dim)
        case "agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use": return use(type, event, time)
        case "agent.tool_result", "agent.mcp_tool_result", "user.tool_result", "user.custom_tool_result":
            return result(event, time)
        case "agent.thread_context_compacted":
            return entry(time, "context", .dim, "earlier history was summarised", .dim)
        case "agent.thread_message_sent", "agent.thread_message_received":
            let peer = event["to_agent_name"]?.stringValue ?? event["from_agent_name"]?.stringValue ?? "another thread"
            let direction = type == "agent.thread_message_sent" ? "to" : "from"
            return entry(time, "thread", .magenta, "\(direction) \(peer): \(ContentText.text(event["content"]))")
        case "session.thread_created":
            return entry(time, "thread", .magenta, "\(event["agent_name"]?.stringValue ?? "an agent") starts")
        case "span.model_request_start":
            if let id = event["id"]?.stringValue { requests[id] = time }
            return ""
        case "span.model_request_end": return modelRequest(event, time)
        default: return status(type, event, time)
        }
    }

    private mutating func use(_ type: String, _ event: JSON, _ time: Timestamp) -> String {
        let name = event["name"]?.stringValue ?? "tool"
        let label =
            switch type {
            case "agent.mcp_tool_use": "\(event["mcp_server_name"]?.stringValue ?? "mcp").\(name)"
            default: name
            }
        if let id = event["id"]?.stringValue { calls[id] = Call(label: label, time: time) }
        let note =
            switch (type, event["evaluated_permission"]?.stringValue) {
            case (_, "ask"): " (waits for approval)"
            case (_, "deny"): " (denied)"
            case ("agent.custom_tool_use", _): " (answered by the client)"
            default: ""
            }
        let room = layout.textWidth - note.count
        let summary = ToolInputSummary.text(name: name, input: event["input"], width: room)
        // Long names of MCP tools take the beginning of the text instead of breaking the columns.
        let kind = label.count <= TimelineLayout.kindWidth ? label : "mcp"
        let text = kind == label ? summary : PlainText.clipped("\(label) \(summary)", width: room)
        return head(time, kind, .yellow) + text + paint(note, .yellow) + "\n"
    }

    private func result(_ event: JSON, _ time: Timestamp) -> String {
        let isError = event["is_error"]?.boolValue == true
        let id = ["tool_use_id", "mcp_tool_use_id", "custom_tool_use_id"].lazy.compactMap { event[$0]?.stringValue }
            .first
        let took = id.flatMap { calls[$0] }.map { TimelineClock.text(time.since($0.time)) } ?? ""
        var lines = PlainText.sanitised(ContentText.text(event["content"]))
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last?.isEmpty == true { lines.removeLast() }
        let hidden = lines.count - layout.outputLines
        // One line more is no longer than the note that it was left out.
        if hidden > 1 { lines = Array(lines.prefix(layout.outputLines)) }
        if lines.isEmpty { lines = ["(no output)"] }
        let mark = (isError ? "✗ " : "✓ ") + took
        var text = head(time, mark, isError ? .red : .green)
        text += lines.map { paint(PlainText.clipped($0, width: layout.textWidth), .dim) }
            .joined(separator: "\n" + layout.margin)
        if hidden > 1 { text += "\n" + layout.margin + paint("… \(hidden) more lines", .dim) }
        return text + "\n"
    }

    private mutating func modelRequest(_ event: JSON, _ time: Timestamp) -> String {
        let started = event["model_request_start_id"]?.stringValue.flatMap { requests.removeValue(forKey: $0) }
        let took = started.map { " · " + TimelineClock.text(time.since($0)) } ?? ""
        let used = event["model_usage"]
        let tokens = UsageText.text(used) + took
        if event["is_error"]?.boolValue == true {
            return closePreview(note: "(broken off)") + entry(time, "model", .red, "request failed" + took, .red)
        }
        return entry(time, "model", .dim, tokens, .dim)
    }

    private mutating func status(_ type: String, _ event: JSON, _ time: Timestamp) -> String {
        switch type {
        case "session.usage":
            usage = event["usage"]
            return ""
        case "session.status_running", "session.thread_status_running", "session.thread_status_idle",
            "session.thread_status_rescheduled", "session.thread_status_terminated":
            return ""
        case "session.status_idle":
            let reason = event["stop_reason"]?["type"]?.stringValue ?? "unknown"
            let total = usage.map { " · " + UsageText.text($0) } ?? ""
            let isGood = ["end_turn", "requires_action"].contains(reason)
            let explanation = event["stop_details"]?["explanation"]?.stringValue.map { " · " + $0 } ?? ""
            return entry(time, "idle", isGood ? .green : .red, reason + explanation + total, isGood ? nil : .red)
        case "session.status_rescheduled":
            return entry(time, "retry", .yellow, "the server tries again shortly", .yellow)
        case "session.status_terminated": return entry(time, "terminated", .red, "the session has ended")
        case "session.deleted": return entry(time, "deleted", .red, "the session was deleted")
        case "session.error":
            let error = event["error"]
            let retry =
                error?["retry_status"].flatMap { $0["type"]?.stringValue ?? $0.stringValue }.map { " (\($0))" } ?? ""
            let text = (error?["message"]?.stringValue ?? error?["type"]?.stringValue ?? "unknown error") + retry
            return entry(time, "error", .red, text, .red)
        case "session.updated":
            let names =
                event.objectValue?.members.map(\.key).filter { !["id", "type", "processed_at"].contains($0) } ?? []
            return entry(time, "updated", .dim, names.joined(separator: ", "), .dim)
        case "span.outcome_evaluation_start", "span.outcome_evaluation_ongoing": return ""
        case "span.outcome_evaluation_end":
            let text = [event["result"]?.stringValue, event["explanation"]?.stringValue].compactMap { $0 }
            return entry(time, "outcome", .magenta, text.joined(separator: ": "))
        default: return entry(time, "event", .dim, type, .dim)
        }
    }

    // MARK: Layout

    private func entry(
        _ time: Timestamp, _ kind: String, _ tone: Style.Tone, _ text: String, _ textTone: Style.Tone? = nil
    ) -> String {
        let lines = PlainText.wrapped(PlainText.sanitised(text), width: layout.textWidth)
        return head(time, kind, tone) + lines.map { paint($0, textTone) }.joined(separator: "\n" + layout.margin) + "\n"
    }

    private func body(_ text: String) -> String {
        PlainText.wrapped(PlainText.sanitised(text), width: layout.textWidth).map { layout.margin + $0 + "\n" }.joined()
    }

    private func head(_ time: Timestamp, _ kind: String, _ tone: Style.Tone) -> String {
        let label = clock.label(time)
        let left = String(repeating: " ", count: max(0, TimelineLayout.timeWidth - label.count)) + label
        let kind = PlainText.oneLine(kind, width: TimelineLayout.kindWidth)
        let gap = String(repeating: " ", count: max(0, TimelineLayout.kindWidth - kind.count) + 2)
        return paint(left, .dim) + "  " + paint(kind, tone) + gap
    }

    private func paint(_ text: String, _ tone: Style.Tone?) -> String { layout.style.paint(text, tone) }
}
