internal import Wire

/// The turns that a prompt in the rehearsal language asks for. Pure and total: any text is a plan.
struct RehearsalPlan: Equatable {
    /// At least one; all but the last end in tool calls or at `max_tokens`.
    private(set) var turns: [RehearsalTurn]
    /// False for a text without any directive, which is answered with ``RehearsalBackend/help``.
    private(set) var hasDirectives: Bool

    init(prompt: String) {
        var parser = RehearsalPlanParser()
        parser.read(prompt)
        turns = parser.finish()
        hasDirectives = turns.count > 1 || turns.contains { !$0.isEmpty }
    }

    /// The turn that comes next after `calls` tool calls and the texts in `answers`.
    func position(afterCalls calls: Int, answers: [String]) -> Int {
        var remaining = calls
        for (index, turn) in turns.enumerated() where index < turns.count - 1 {
            let count = turn.calls.count
            // A turn without calls is one that was cut at max_tokens: only its text tells that it has been.
            let isDone = count > 0 ? remaining >= count : remaining > 0 || answers.contains { $0.contains(turn.text) }
            guard isDone else { return index }
            remaining -= count
        }
        return turns.count - 1
    }

    var callCount: Int { turns.reduce(0) { $0 + $1.calls.count } }
}
