/// A regular expression that is looked for in single lines.
///
/// The dialect is what RE2, Rust and PCRE have in common, over UTF-8. References to groups and look-around are refused, for
/// without them every search takes time linear in the text and bounded memory, whatever the expression. That is also why
/// this is not the C library's `regexec`: small expressions make that one crash, take gigabytes, or search one line for
/// minutes, and it cannot be interrupted.
final class SearchExpression {
    private static let maximumLength = 4096

    private let matcher: ExpressionMatcher

    /// - Throws: ``ToolError`` that says what is wrong with the expression.
    init(_ text: String) throws(ToolError) {
        guard !text.isEmpty, text.utf8.count <= Self.maximumLength else {
            throw ToolError(.invalid, "the pattern is empty or has more than \(Self.maximumLength) bytes")
        }
        matcher = ExpressionMatcher(try ExpressionProgram(try ExpressionParser.parse(text)))
    }

    /// Whether it matches somewhere in a line, which is given without its line feed.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        matcher.matches(line)
    }

    /// The same for a text.
    func matches(_ line: String) -> Bool {
        Array(line.utf8).withUnsafeBytes { matcher.matches($0) }
    }
}
