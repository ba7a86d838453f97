internal import Wire

/// What the rehearsal model says and calls in one response.
struct RehearsalTurn: Equatable {
    enum Part: Equatable {
        case thinking(String)
        case text(String)
        /// Text that comes word by word, with a pause before each.
        case slowText(String, pause: Duration)
        case call(RehearsalCall)
    }
    enum Ending: Equatable {
        case ordinary, maxTokens
        case refusal(category: String?)
    }

    var parts: [Part] = []
    /// One entry for each attempt that is to fail, in order.
    var failures: [RehearsalFailure] = []
    /// The input tokens to report instead of the counted ones.
    var inputTokens: Int?
    var ending = Ending.ordinary

    var calls: [RehearsalCall] {
        parts.compactMap { part in
            if case .call(let call) = part { call } else { nil }
        }
    }

    /// The text as it will stand in the transcript.
    var text: String {
        parts.compactMap { part in
            switch part {
            case .text(let text), .slowText(let text, _): text
            case .thinking, .call: nil
            }
        }.joined()
    }

    var isEmpty: Bool { parts.isEmpty && failures.isEmpty && inputTokens == nil && ending == .ordinary }
}
