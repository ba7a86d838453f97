/// The few elements of S3's XML that are needed, found by their names. Total: any text gives values or nothing.
enum S3Text {
    /// The text of the first element of this name.
    static func element(_ name: String, in text: String) -> String? { elements(name, in: text, limit: 1).first }

    static func elements(_ name: String, in text: String, limit: Int = .max) -> [String] {
        let (opening, closing) = ("<\(name)>", "</\(name)>")
        var found: [String] = []
        var rest = text[...]
        while found.count < limit, let start = rest.firstRange(of: opening) {
            rest = rest[start.upperBound...]
            guard let end = rest.firstRange(of: closing) else { break }
            found.append(unescaped(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return found
    }

    private static let entities = [("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("amp", "&")]

    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("&") else { return String(text) }
        return entities.reduce(String(text)) { $0.replacing("&\($1.0);", with: $1.1) }
    }
}
