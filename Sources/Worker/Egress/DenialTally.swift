internal import FoundationEssentials
internal import Synchronization
internal import Wire

/// What a session's sandbox was refused, for who looks at the session.
final class DenialTally: Sendable {
    private struct Entry {
        var count: Int
        var last: Date
    }
    /// Different sentences that are kept; the one that came last longest ago makes room.
    private static let limit = 32

    private let entries = Mutex<[String: Entry]>([:])
    /// Signalled at every refusal.
    private let changed: Wakeup

    init(changed: Wakeup = Wakeup()) { self.changed = changed }

    func add(_ sentence: String, at time: Date = Date()) {
        entries.withLock { entries in
            if entries[sentence] == nil, entries.count >= Self.limit,
                let oldest = entries.min(by: { $0.value.last < $1.value.last })
            {
                entries[oldest.key] = nil
            }
            entries[sentence] = Entry(count: (entries[sentence]?.count ?? 0) + 1, last: time)
        }
        changed.signal()
    }

    private var sorted: [(key: String, value: Entry)] {
        entries.withLock { $0 }.sorted { $0.value.last > $1.value.last }
    }

    /// What was refused, the latest first.
    var sentences: [String] { sorted.map(\.key) }

    /// The latest first.
    var json: JSON {
        let known = sorted
        return .array(
            known.map { sentence, entry in
                [
                    "reason": .string(sentence), "count": .integer(Int64(entry.count)),
                    "last_at": .string(entry.last.formatted(.iso8601)),
                ]
            })
    }
}
