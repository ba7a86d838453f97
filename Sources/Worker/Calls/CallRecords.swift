/// The text of a call journal: one line per step, `started <id>` or `settled <id>`. A line counts when its line feed was
/// written; what follows the last line feed was torn by a crash.
struct CallRecords: Sendable, Equatable {
    private(set) var started: Set<String> = []
    private(set) var settled: Set<String> = []
    /// Bytes up to and with the last line feed.
    private(set) var validLength = 0

    init() {}

    init(parsing bytes: [UInt8]) {
        guard let last = bytes.lastIndex(of: 0x0A) else { return }
        validLength = last + 1
        for line in bytes[..<last].split(separator: 0x0A) {
            let words = line.split(separator: 0x20)
            guard words.count == 2, let id = RemoteID(String(decoding: words[1], as: UTF8.self)) else { continue }
            switch String(decoding: words[0], as: UTF8.self) {
            case "started": started.insert(id.rawValue)
            case "settled": settled.insert(id.rawValue)
            default: continue
            }
        }
    }

    /// Started by this or an earlier holder, and its answer was not accepted.
    var unsettled: Set<String> { started.subtracting(settled) }

    mutating func start(_ id: String) -> String {
        started.insert(id)
        return "started \(id)\n"
    }

    mutating func settle(_ id: String) -> String {
        settled.insert(id)
        return "settled \(id)\n"
    }

    /// The shortest journal that says the same about unsettled calls.
    var compacted: String { unsettled.sorted().map { "started \($0)\n" }.joined() }
}
