/// Which of the host's graphics processors sandboxes may get when they ask.
public enum GraphicsAllowance: Equatable, Sendable {
    case none
    case all
    case only(Set<Int>)

    /// Reads `none`, `all`, or numbers as in `0,2`.
    public init?(_ text: String) {
        switch text {
        case "none": self = .none
        case "all": self = .all
        default:
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in Int(part.filter { $0 != " " }) }
            guard numbers.count == parts.count, numbers.allSatisfy({ (0..<64).contains($0) }) else { return nil }
            self = .only(Set(numbers))
        }
    }

    func permits(_ number: Int) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .only(let numbers): numbers.contains(number)
        }
    }
}
