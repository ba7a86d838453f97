import Egress
import Synchronization

/// Answers every name with the same addresses, and remembers the names.
final class FixedResolver: NameResolver {
    private let answers: [IPAddress]
    private let asked = Mutex<[String]>([])

    init(_ answers: [String]) { self.answers = answers.compactMap { IPAddress($0) } }

    var names: [String] { asked.withLock { $0 } }

    func addresses(of name: String, within limit: Duration) async throws(NameError) -> [IPAddress] {
        asked.withLock { $0.append(name) }
        guard !answers.isEmpty else { throw .unknown }
        return answers
    }
}
