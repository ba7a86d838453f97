internal import CLinux

/// A regular expression: POSIX extended, with `\d`, `\D`, `\w`, `\W`, `\s`, `\S`, `\b`, `(?:…)` and a leading `(?i)` as people
/// write them elsewhere. Look-around is not supported.
final class SearchExpression {
    private let compiled: UnsafeMutableRawPointer

    /// - Throws: ``ToolError`` that says what is wrong with the expression.
    init(_ text: String) throws(ToolError) {
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
            throw ToolError(.invalid, "the pattern is empty or too long")
        }
        var pattern = text
        let ignoresCase = pattern.hasPrefix("(?i)")
        if ignoresCase { pattern.removeFirst(4) }
        for (mark, name) in [
            ("(?=", "look-ahead"), ("(?!", "look-ahead"), ("(?<=", "look-behind"), ("(?<!", "look-behind"),
        ]
        where pattern.contains(mark) {
            throw ToolError(.invalid, "the pattern uses \(name), which is not supported; use bash with another tool")
        }
        var message = [CChar](repeating: 0, count: 256)
        guard
            let compiled = clinux_regex_compile(Self.translated(pattern), ignoresCase ? 1 : 0, &message, message.count)
        else {
            let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ToolError(.invalid, "the pattern is no regular expression: \(reason)")
        }
        self.compiled = compiled
    }

    deinit { clinux_regex_free(compiled) }

    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let base = line.baseAddress else { return clinux_regex_search(compiled, "", 0) != 0 }
        return clinux_regex_search(compiled, base.assumingMemoryBound(to: CChar.self), line.count) != 0
    }

    /// Rewrites what POSIX lacks or reads otherwise.
    static func translated(_ pattern: String) -> String {
        var output = ""
        var isInBrackets = false
        var rest = Array(pattern)[...]
        while let character = rest.popFirst() {
            switch character {
            case "\\":
                guard let next = rest.popFirst() else { return output + "\\\\" }
                output += isInBrackets ? inBrackets(next) : outside(next)
            case "[" where !isInBrackets:
                isInBrackets = true
                output.append("[")
                if rest.first == "^" { output.append(rest.removeFirst()) }
                // A bracket that comes first stands for itself.
                if rest.first == "]" { output.append(rest.removeFirst()) }
            case "]" where isInBrackets:
                isInBrackets = false
                output.append("]")
            case "(" where !isInBrackets && rest.starts(with: ["?", ":"]):
                rest.removeFirst(2)
                output.append("(")
            default: output.append(character)
            }
        }
        return output
    }

    private static func outside(_ character: Character) -> String {
        switch character {
        case "d": "[0-9]"
        case "D": "[^0-9]"
        case "t": "\t"
        case "n", "r": "$"
        default: "\\" + String(character)
        }
    }

    private static func inBrackets(_ character: Character) -> String {
        switch character {
        case "d": "0-9"
        case "w": "[:alnum:]_"
        case "s": "[:space:]"
        case "t": "\t"
        default: String(character)
        }
    }
}
