/// One field of a request's head.
struct HeaderField: Equatable, Sendable {
    /// As it was sent.
    var name: String
    var value: String

    init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// - Parameter line: without its line end. Folded lines and blanks before the colon are refused.
    init(parsing line: Substring) throws(ProxyRequestError) {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), Self.isToken(line[..<colon].utf8) else {
            throw .malformed("one of its header lines has no proper name")
        }
        name = String(line[..<colon])
        let blanks: Set<Character> = [" ", "\t"]
        var text = line[line.index(after: colon)...].drop { blanks.contains($0) }
        while let last = text.last, blanks.contains(last) { text.removeLast() }
        value = String(text)
    }

    func isNamed(_ other: String) -> Bool { name.lowercased() == other }

    static func isToken(_ bytes: Substring.UTF8View) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
