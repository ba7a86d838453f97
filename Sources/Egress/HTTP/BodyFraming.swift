/// How long the body of a request is.
enum BodyFraming: Equatable, Sendable {
    case none
    case length(Int)
    case chunked

    /// - Throws: when the fields contradict each other, which two servers would read as different requests.
    init(_ fields: [HeaderField]) throws(ProxyRequestError) {
        let codings = fields.filter { $0.isNamed("transfer-encoding") }
        let lengths = fields.filter { $0.isNamed("content-length") }
        guard codings.isEmpty || lengths.isEmpty else {
            throw .malformed("it has both a Content-Length and a Transfer-Encoding")
        }
        if !codings.isEmpty {
            guard codings.count == 1, codings[0].value.lowercased() == "chunked" else {
                throw .malformed("its Transfer-Encoding is not 'chunked'")
            }
            self = .chunked
        } else if let first = lengths.first {
            guard lengths.count == 1, (1...18).contains(first.value.utf8.count),
                first.value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let length = Int(first.value)
            else { throw .malformed("its Content-Length is not one number") }
            self = length == 0 ? .none : .length(length)
        } else {
            self = .none
        }
    }
}
