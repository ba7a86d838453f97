internal import Sandbox
internal import Wire

/// Puts secrets into a request for a host that they are bound to. Pure.
struct SecretSwap: Sendable {
    /// A shorter one could stand in a request by chance.
    private static let shortestPlaceholder = 16

    private let header: [(from: [UInt8], to: [UInt8])]
    let body: [(from: [UInt8], to: [UInt8])]

    /// - Parameter host: what the request is for, proven by its certificate before anything is sent.
    init(_ secrets: [SecretBinding], for host: HostName) {
        let bound = secrets.filter { Self.isBound($0, to: host) }
        func pairs(_ secrets: [SecretBinding]) -> [(from: [UInt8], to: [UInt8])] {
            secrets.map { (Array($0.placeholder.utf8), Array($0.secret.reveal().utf8)) }
        }
        header = pairs(bound.filter(\.appliesToHeaders))
        body = pairs(bound.filter(\.appliesToBody))
    }

    private static func isBound(_ secret: SecretBinding, to host: HostName) -> Bool {
        guard secret.placeholder.utf8.count >= shortestPlaceholder else { return false }
        switch secret.hosts {
        case .any: return true
        case .only(let hosts):
            return hosts.contains { text in
                guard let rule = EgressRule(text), !rule.isDenial else { return false }
                return rule.matches(host)
            }
        }
    }

    var isEmpty: Bool { header.isEmpty && body.isEmpty }

    /// The fields with secrets in place. A secret with a line end or another control in it stays out: it would end the field.
    func apply(to fields: [HeaderField]) -> [HeaderField] {
        let pairs = header.filter { pair in pair.to.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        guard !pairs.isEmpty else { return fields }
        return fields.map { field in
            var field = field
            field.value = swapped(field.value, pairs)
            guard field.isNamed("authorization") || field.isNamed("proxy-authorization"),
                let space = field.value.firstIndex(of: " "), field.value[..<space].lowercased() == "basic",
                let plain = Base64.decode(String(field.value[space...].drop { $0 == " " }))
            else { return field }
            let changed = TextSwap.swap(plain, pairs)
            if changed != plain { field.value = "\(field.value[..<space]) \(Base64.encode(changed))" }
            return field
        }
    }

    private func swapped(_ text: String, _ pairs: [(from: [UInt8], to: [UInt8])]) -> String {
        let bytes = Array(text.utf8)
        let changed = TextSwap.swap(bytes, pairs)
        return changed == bytes ? text : String(decoding: changed, as: UTF8.self)
    }
}
