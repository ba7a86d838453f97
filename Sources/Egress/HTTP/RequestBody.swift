/// The body of a request on its way to the host: as it came, or with secrets in place.
///
/// A secret is seldom as long as its placeholder. A short body of known length is therefore read whole and gets a new length;
/// any other is sent in chunks.
struct RequestBody: Sendable {
    private enum Mode: Sendable {
        case asItIs
        case whole([UInt8])
        /// Looked through, and left as long as it was.
        case sameLength
        case chunks
    }
    /// Bodies up to this are read whole.
    private static let wholeLimit = 1 << 20

    private var mode = Mode.asItIs
    private var scanner: BodyScanner
    private var leaks: LeakScanner
    private var swap: TextSwap
    /// Whether the gate itself tells the program to go on: the host sees nothing before the whole body is here.
    private(set) var answersExpectation = false
    /// What has come behind it.
    private(set) var surplus: ArraySlice<UInt8> = []

    /// Takes the fields away from the request that the new framing replaces.
    /// - Parameters:
    ///   - pairs: the secrets; they come after the rules about leaks, which are about what the program sends.
    ///   - rules: what must not be in it. An encoded body, which they could not read, is the caller's to refuse.
    init(
        _ request: inout ProxyRequest, swap pairs: [(from: [UInt8], to: [UInt8])], leaks rules: [LeakRule] = []
    ) {
        leaks = LeakScanner(rules)
        scanner = BodyScanner(request.body)
        swap = TextSwap(pairs)
        guard !pairs.isEmpty || !rules.isEmpty, !request.hasEncodedBody else { return }
        switch request.body {
        case .none: return
        case .length(let length) where length <= Self.wholeLimit: mode = .whole([])
        case .length where pairs.isEmpty && !rules.contains { $0.action == .redact }:
            // Some hosts take no large body without its length.
            mode = .sameLength
            return
        case .length, .chunked: mode = .chunks
        }
        let replaced = ["content-length", "transfer-encoding", "trailer"]
        request.fields.removeAll { field in replaced.contains { field.isNamed($0) } }
        if case .whole = mode {
            answersExpectation = request.fields.contains { $0.isNamed("expect") }
            request.fields.removeAll { $0.isNamed("expect") }
        } else {
            request.fields.append(HeaderField(name: "Transfer-Encoding", value: "chunked"))
        }
    }

    var isFinished: Bool { scanner.isFinished }

    /// What goes out before the body; nil where the body's length is not known yet.
    func head(of request: ProxyRequest) -> [UInt8]? {
        if case .whole = mode { return nil }
        return request.forwardedHead
    }

    /// What can be sent now that these bytes have come.
    /// - Throws: ``ProxyRequestError``, ``LeakScanner/Found``.
    mutating func take(_ bytes: ArraySlice<UInt8>, of request: ProxyRequest) throws -> [UInt8] {
        var content: [UInt8] = []
        let count = try scanner.take(bytes) { content += $0 }
        surplus = bytes.dropFirst(count)
        switch mode {
        case .asItIs: return Array(bytes.prefix(count))
        case .whole(let before):
            let all = try before + swap.take(leaks.take(content))
            guard scanner.isFinished else {
                mode = .whole(all)
                return []
            }
            let body = try all + finish()
            var request = request
            request.fields.append(HeaderField(name: "Content-Length", value: "\(body.count)"))
            return request.forwardedHead + body
        case .sameLength:
            let ready = try leaks.take(content)
            return try scanner.isFinished ? ready + leaks.finish() : ready
        case .chunks:
            let ready = try Self.chunk(swap.take(leaks.take(content)))
            return try scanner.isFinished ? ready + Self.chunk(finish()) + Array("0\r\n\r\n".utf8) : ready
        }
    }

    private mutating func finish() throws -> [UInt8] {
        let last = try leaks.finish()
        return swap.take(last) + swap.finish()
    }

    private static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        bytes.isEmpty ? [] : Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A]
    }
}
