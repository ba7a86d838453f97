internal import Synchronization
public import Wire

/// A part of an event that is still being made (reference api-core §4.7).
public enum Preview: Sendable, Equatable {
    /// An event of this type will follow under this id.
    case start(EventType, EventID)
    /// The next piece of the text block `index` of the event.
    case delta(EventID, index: Int, text: String)

    public var eventID: EventID {
        switch self {
        case .start(_, let id), .delta(let id, _, _): id
        }
    }
}

/// Hands previews to the streams that asked for them, inside one process. Nothing is stored; a slow subscriber loses the
/// rest of an event's deltas, never a piece in the middle.
public final class PreviewHub: Sendable {
    private struct State {
        var subscribers: [SessionID: [UInt64: Subscription]] = [:]
        var next: UInt64 = 0
    }
    private let state = Mutex(State())

    public init() {}

    /// Never blocks; costs one look-up when nobody listens.
    public func publish(_ session: SessionID, _ preview: Preview) {
        let subscriptions = state.withLock { $0.subscribers[session]?.values.map { $0 } } ?? []
        for subscription in subscriptions { subscription.offer(preview) }
    }

    /// Listens until `body` returns. A subscriber that joins in the middle of an event gets nothing of it.
    public func withSubscription<Result>(
        to session: SessionID, _ body: (Subscription) async throws -> Result
    ) async rethrows -> Result {
        let subscription = Subscription()
        let key = state.withLock { state in
            state.next += 1
            state.subscribers[session, default: [:]][state.next] = subscription
            return state.next
        }
        defer {
            state.withLock { state in
                state.subscribers[session]?[key] = nil
                if state.subscribers[session]?.isEmpty == true { state.subscribers[session] = nil }
            }
        }
        return try await body(subscription)
    }

    /// One listener's bounded buffer.
    public final class Subscription: Sendable {
        private struct Buffer {
            var waiting: [Preview] = []
            /// Events whose start was taken and whose deltas are still complete.
            var complete: Set<EventID> = []
            /// Raised when something waits.
            var wake: CheckedContinuation<Void, Never>?
        }
        private let buffer = Mutex(Buffer())
        /// Previews that wait at once. A delta is a few words, so this is far more than a healthy reader needs.
        private static let limit = 1024

        func offer(_ preview: Preview) {
            let wake: CheckedContinuation<Void, Never>? = buffer.withLock { buffer in
                let id = preview.eventID
                if case .start = preview {
                    if buffer.complete.count >= 64 { buffer.complete.removeAll() }
                    buffer.complete.insert(id)
                }
                guard buffer.complete.contains(id) else { return nil }
                guard buffer.waiting.count < Self.limit else {
                    buffer.complete.remove(id)
                    return nil
                }
                buffer.waiting.append(preview)
                defer { buffer.wake = nil }
                return buffer.wake
            }
            wake?.resume()
        }

        /// What waits now, in order; empties the buffer.
        public func take() -> [Preview] {
            buffer.withLock { buffer in
                defer { buffer.waiting.removeAll() }
                return buffer.waiting
            }
        }

        /// Returns when something waits, or on cancellation.
        public func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                    let isDone = buffer.withLock { buffer in
                        if Task.isCancelled || !buffer.waiting.isEmpty { return true }
                        buffer.wake = continuation
                        return false
                    }
                    if isDone { continuation.resume() }
                }
            } onCancel: {
                let wake = buffer.withLock { buffer in
                    defer { buffer.wake = nil }
                    return buffer.wake
                }
                wake?.resume()
            }
        }
    }
}
