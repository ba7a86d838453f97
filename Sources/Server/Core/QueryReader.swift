internal import Hummingbird
internal import Wire

/// Reads a request's query: names the parameter in every error and refuses parameters that nobody asked for.
///
/// Brackets may come raw or encoded, list parameters with or without them (reference api-core §0.7).
struct QueryReader {
    private var pairs: [(name: String, value: String)] = []
    private var known: Set<String> = ["beta"]

    /// - Throws: ``WireError`` 400 for a malformed escape.
    init(_ request: Request) throws(WireError) {
        for part in (request.uri.query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = PercentEncoding.decode(halves.count > 1 ? halves[1] : "", plusIsSpace: true)
            else { throw .invalid("query: malformed percent-encoding") }
            pairs.append((name, value))
        }
    }

    mutating func text(_ name: String) throws(WireError) -> String? {
        let values = values(name)
        guard values.count <= 1 else { throw .invalid("\(name): given more than once") }
        return values.first
    }

    mutating func int(_ name: String, _ range: ClosedRange<Int>) throws(WireError) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .invalid("\(name): must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func bool(_ name: String) throws(WireError) -> Bool? {
        switch try text(name) {
        case nil: nil
        case "true": true
        case "false": false
        default: throw .invalid("\(name): must be true or false")
        }
    }

    mutating func time(_ name: String) throws(WireError) -> Timestamp? {
        guard let text = try text(name) else { return nil }
        // A raw `+` of an offset arrives as a space.
        guard let time = Timestamp(text) ?? Timestamp(String(text.map { $0 == " " ? "+" : $0 })) else {
            throw .invalid("\(name): must be an RFC 3339 time")
        }
        return time
    }

    /// The values of `name[]` and `name`, in order.
    mutating func list(_ name: String, count limit: Int = 100) throws(WireError) -> [String] {
        let all = values("\(name)[]") + values(name)
        guard all.count <= limit else { throw .invalid("\(name)[]: at most \(limit) values are allowed") }
        return all
    }

    func finish() throws(WireError) {
        for pair in pairs where !known.contains(pair.name) {
            throw .invalid("\(pair.name.prefix(128)): unknown query parameter")
        }
    }

    private mutating func values(_ name: String) -> [String] {
        known.insert(name)
        return pairs.filter { $0.name == name }.map(\.value)
    }
}
