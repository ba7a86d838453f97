/// Reads write-only members. No message repeats their text.
enum SecretField {
    /// Which characters a secret may have, and how many.
    enum Form {
        /// What a bearer header can carry (RFC 6750 §2.1, taken as any visible ASCII).
        case bearer
        /// What the token endpoint's form can carry (RFC 6749 appendix A), up to a length.
        case oauth(Int)
        /// A value for a header or a body: a line break in it would end the header.
        case value

        var length: ClosedRange<Int> {
            switch self {
            case .bearer, .value: 1...8192
            case .oauth(let limit): 1...limit
            }
        }
        var rule: String {
            switch self {
            case .bearer: "visible ASCII characters without spaces"
            case .oauth: "printable ASCII characters"
            case .value: "no control characters"
            }
        }
        /// Whether a text that came from elsewhere could have been given.
        func accepts(_ text: String) -> Bool { length.contains(text.utf8.count) && allows(text) }

        func allows(_ text: String) -> Bool {
            switch self {
            case .bearer: text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            case .oauth: text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            case .value: text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            }
        }
    }

    static func required(_ reader: inout ObjectReader, _ key: String, _ form: Form) throws(WireError) -> Secret {
        try checked(try reader.string(key, length: form.length), reader.name(key), form)
    }

    /// Nil for absent and for `null`: a secret is replaced, never taken away.
    static func optional(_ reader: inout ObjectReader, _ key: String, _ form: Form) throws(WireError) -> Secret? {
        guard let text = try reader.optionalString(key, length: form.length).orNil else { return nil }
        return try checked(text, reader.name(key), form)
    }

    private static func checked(_ text: String, _ label: String, _ form: Form) throws(WireError) -> Secret {
        guard form.allows(text) else { throw .invalid("\(label): must have \(form.rule)") }
        return Secret(text)
    }
}
