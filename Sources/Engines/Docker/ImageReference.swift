/// The name of an image as the daemon's addresses may carry it: `name`, `host:port/path/name:tag`, `name@sha256:…`, `sha256:…`.
struct ImageReference: Sendable, Equatable {
    let text: String

    /// Accepts the letters of the reference grammar only, so that nothing in it can leave its place in an address.
    init?(_ text: String) {
        guard let first = text.utf8.first, (1...255).contains(text.utf8.count), Self.isAlphanumeric(first),
            text.utf8.allSatisfy({ Self.isAlphanumeric($0) || "._-/:@".utf8.contains($0) }),
            text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({
                !$0.isEmpty && $0 != "." && $0 != ".."
            }), text.utf8.count(where: { $0 == UInt8(ascii: "@") }) <= 1
        else { return nil }
        self.text = text
    }

    /// The reference with a tag: without one a daemon would fetch every tag there is.
    var fetched: String {
        let last = text.split(separator: "/").last ?? ""
        return text.contains("@") || last.contains(":") ? text : text + ":latest"
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
