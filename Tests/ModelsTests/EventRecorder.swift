import Models
import Synchronization

/// Keeps the events of one response in order.
final class EventRecorder: Sendable {
    private let storage = Mutex<[ModelEvent]>([])

    var events: [ModelEvent] { storage.withLock { $0 } }
    func record(_ event: ModelEvent) { storage.withLock { $0.append(event) } }

    /// The text deltas of one block, joined.
    func text(of block: Int) -> String {
        events.map { event in
            if case .textDelta(block, let text) = event { text } else { "" }
        }.joined()
    }
}
