internal import Wire

extension ProxyRequest {
    /// Framing and routing, which the gate writes itself.
    private static let ownFields: Set<String> = ["content-length", "transfer-encoding", "host"]

    /// Takes away from the head what must not leave. The body is looked at as it passes.
    /// - Throws: what refuses the request, also where something is only seen once it has been decoded, or cannot be read.
    mutating func removeLeaks(by rules: [LeakRule]) throws(LeakScanner.Found) {
        guard !rules.isEmpty else { return }
        guard !asksForWebSocket else { throw .unreadable("WebSocket") }
        guard !hasEncodedBody else { throw .unreadable("an encoded body") }
        let target = try LeakScanner.scan(Array(path.utf8), rules, marks: ("%5B", "%5D"))
        path = String(decoding: target, as: UTF8.self)
        try Self.refuse(Self.decoded(target), by: rules)
        for index in fields.indices where !Self.ownFields.contains(fields[index].name.lowercased()) {
            try Self.refuse(Array(fields[index].name.utf8), by: rules)
            let value = try LeakScanner.scan(Array(fields[index].value.utf8), rules)
            fields[index].value = String(decoding: value, as: UTF8.self)
            let words = fields[index].value.split(separator: " ")
            if words.count == 2, words[0].lowercased() == "basic", let plain = Base64.decode(String(words[1])) {
                try Self.refuse(plain, by: rules)
            }
        }
    }

    /// Refuses whatever a rule finds: there is nothing to put in its place.
    private static func refuse(_ bytes: [UInt8], by rules: [LeakRule]) throws(LeakScanner.Found) {
        _ = try LeakScanner.scan(
            bytes,
            rules.map { rule in
                var rule = rule
                rule.action = .block
                return rule
            })
    }

    /// As a server reads escapes, and blanks of forms.
    private static func decoded(_ target: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        var index = 0
        func digit(_ index: Int) -> UInt8? {
            guard index < target.count else { return nil }
            return Character(UnicodeScalar(target[index])).hexDigitValue.map(UInt8.init)
        }
        while index < target.count {
            if target[index] == UInt8(ascii: "%"), let high = digit(index + 1), let low = digit(index + 2) {
                plain.append(high << 4 | low)
                index += 3
            } else {
                plain.append(target[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : target[index])
                index += 1
            }
        }
        return plain
    }
}
