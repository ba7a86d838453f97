package import ExecdProtocol

/// Which calls this sandbox has seen, so that none runs twice, and what they answered.
///
/// In memory: it lives as long as the daemon, and without the daemon nothing inside lives either. Ids stay for good; the
/// contents of the oldest results go when all together are over the limit.
package struct CallJournal {
    package enum Entry: Equatable {
        case running
        case settled(CallResult)
    }

    /// What remains of a result whose content is gone.
    package static let dropped = "(the result of this call is no longer kept)"

    private let contentLimit: Int
    private let entryLimit: Int
    private var entries: [String: Entry] = [:]
    private var order: [String] = []
    private var settledOrder: [String] = []
    private var firstKept = 0
    private var contentBytes = 0

    package init(contentLimit: Int = 64 << 20, entryLimit: Int = 100_000) {
        self.contentLimit = contentLimit
        self.entryLimit = entryLimit
    }

    /// All known calls, oldest first.
    package var ids: [String] { order }

    package subscript(id: String) -> Entry? { entries[id] }

    /// Notes a call before it starts.
    /// - Returns: whether it is to run, or why not; nil when the journal is full and it must not run.
    package mutating func begin(_ id: String) -> CallAcceptance? {
        switch entries[id] {
        case .running: return .alreadyRunning
        case .settled: return .alreadySettled
        case nil:
            guard entries.count < entryLimit else { return nil }
            entries[id] = .running
            order.append(id)
            return .started
        }
    }

    /// Keeps the result of a running call; anything else is ignored, for a call settles once.
    package mutating func settle(_ id: String, _ result: CallResult) {
        guard entries[id] == .running else { return }
        entries[id] = .settled(result)
        settledOrder.append(id)
        contentBytes += result.size
        while contentBytes > contentLimit, firstKept < settledOrder.count - 1 {
            let oldest = settledOrder[firstKept]
            firstKept += 1
            guard case .settled(let result)? = entries[oldest] else { continue }
            contentBytes -= result.size
            let notice = CallResult(content: [.text(Self.dropped)], isError: result.isError)
            entries[oldest] = .settled(notice)
        }
    }
}
