internal import Wire

/// Reads the rehearsal language line by line; ``RehearsalBackend`` documents it.
struct RehearsalPlanParser {
    private var turns: [RehearsalTurn] = []
    private var current = RehearsalTurn()
    /// The calls at the end of `current` may be joined by further parallel ones.
    private var isParallel = false
    private var isOver = false

    mutating func read(_ prompt: String) {
        var lines = prompt.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
        while let line = lines.popFirst(), !isOver {
            guard let fence = Fence(line) else {
                readDirective(line)
                continue
            }
            var body: [Substring] = []
            while let next = lines.popFirst(), !fence.isClosed(by: next) { body.append(next) }
            readBlock(fence.words, body.joined(separator: "\n"))
        }
    }

    /// The turns read; the last one is where the model sums up.
    mutating func finish() -> [RehearsalTurn] {
        if isParallel { closeTurn() }
        return turns + [current]
    }

    private mutating func readBlock(_ words: [Substring], _ body: String) {
        switch words.first {
        case "bash":
            var input: JSON = ["command": .string(body)]
            for word in words where word.hasPrefix("timeout_ms=") {
                if let limit = Int(word.dropFirst("timeout_ms=".count)) { input["timeout_ms"] = JSON(limit) }
            }
            append(RehearsalCall("bash", input), parallel: words.contains("parallel"))
        case "write" where words.count >= 2:
            let content = body.isEmpty ? "" : body + "\n"
            append(
                RehearsalCall("write", ["file_path": .string(String(words[1])), "content": .string(content)]),
                parallel: words.dropFirst(2).contains("parallel"))
        default: break
        }
    }

    private mutating func readDirective(_ line: Substring) {
        let (word, rest) = Self.cut(line)
        switch word {
        case "say" where !rest.isEmpty: appendText(rest)
        case "think" where !rest.isEmpty: append(.thinking(rest))
        case "slow":
            let (number, text) = Self.cut(rest[...])
            guard let pause = Int(number), (0...60_000).contains(pause), !text.isEmpty else { return }
            append(.slowText(text, pause: .milliseconds(pause)))
        case "tool", "mcp": readCall(word, rest, parallel: false)
        case "parallel":
            let (kind, call) = Self.cut(rest[...])
            readCall(kind, call, parallel: true)
        case "fail": readFailure(rest)
        case "tokens":
            guard let count = Int(rest), count >= 0 else { return }
            startTurn()
            current.inputTokens = count
        case "refuse":
            guard rest.allSatisfy({ $0.isLetter || $0 == "_" }) else { return }
            startTurn()
            current.ending = .refusal(category: rest.isEmpty ? nil : rest)
            isOver = true
        case "max_tokens" where rest.isEmpty:
            startTurn()
            // The text is how a later request shows that this turn is over.
            if current.text.isEmpty { current.parts.append(.text("Cut off at max_tokens.")) }
            current.ending = .maxTokens
            closeTurn()
        default: break
        }
    }

    private mutating func readCall(_ kind: Substring, _ text: String, parallel: Bool) {
        let (name, input) = Self.cut(text[...])
        guard input.isEmpty || input.hasPrefix("{"), !name.isEmpty else { return }
        let arguments = input.isEmpty ? "{}" : input
        switch kind {
        case "tool" where Self.isName(name):
            append(RehearsalCall(target: .tool(String(name)), input: arguments), parallel: parallel)
        case "mcp":
            guard let dot = name.firstIndex(of: ".") else { return }
            let (server, tool) = (name[..<dot], name[name.index(after: dot)...])
            guard !server.isEmpty, !tool.isEmpty else { return }
            append(
                RehearsalCall(target: .mcp(server: String(server), tool: String(tool)), input: arguments),
                parallel: parallel)
        default: break
        }
    }

    private mutating func readFailure(_ text: String) {
        let (name, count) = Self.cut(text[...])
        guard let failure = RehearsalFailure(rawValue: String(name)) else { return }
        guard let times = count.isEmpty ? 1 : Int(count), (0...1000).contains(times) else { return }
        startTurn()
        current.failures += Array(repeating: failure, count: min(times, 1000 - min(1000, current.failures.count)))
    }

    private mutating func append(_ call: RehearsalCall, parallel: Bool) {
        if !parallel { startTurn() }
        current.parts.append(.call(call))
        isParallel = parallel
        if !parallel { closeTurn() }
    }

    private mutating func append(_ part: RehearsalTurn.Part) {
        startTurn()
        current.parts.append(part)
    }

    private mutating func appendText(_ text: String) {
        startTurn()
        if case .text(let before)? = current.parts.last {
            current.parts[current.parts.count - 1] = .text(before + "\n" + text)
        } else {
            current.parts.append(.text(text))
        }
    }

    /// Anything but a parallel call belongs to the turn after a group of parallel calls.
    private mutating func startTurn() {
        if isParallel { closeTurn() }
    }

    private mutating func closeTurn() {
        turns.append(current)
        current = RehearsalTurn()
        isParallel = false
    }

    /// The first word and what follows it.
    private static func cut(_ text: Substring) -> (word: Substring, rest: String) {
        let trimmed = text.drop(while: \.isWhitespace)
        let word = trimmed.prefix { !$0.isWhitespace }
        var rest = trimmed.dropFirst(word.count).drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return (word, String(rest))
    }

    private static func isName(_ text: Substring) -> Bool {
        text.utf8.count <= 128
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
    }

    /// The opening line of a fenced block.
    private struct Fence {
        let length: Int
        let words: [Substring]

        init?(_ line: Substring) {
            let trimmed = line.drop(while: \.isWhitespace)
            length = trimmed.prefix { $0 == "`" }.count
            guard length >= 3 else { return nil }
            words = trimmed.dropFirst(length).split(whereSeparator: \.isWhitespace)
        }

        func isClosed(by line: Substring) -> Bool {
            let trimmed = line.drop(while: \.isWhitespace)
            let marks = trimmed.prefix { $0 == "`" }.count
            return marks >= length && trimmed.dropFirst(marks).allSatisfy(\.isWhitespace)
        }
    }
}
