internal import Models
internal import Synchronization
internal import Wire

/// Turns the parts of one streaming response into previews of the events that will follow (reference api-core §4.7).
final class PreviewFeed: Sendable {
    private struct State {
        var startedMessage = false
        var startedThinking = false
        /// Model block number → place among the message's text blocks.
        var textBlocks: [Int: Int] = [:]
    }

    private let hub: PreviewHub
    private let session: SessionID
    private let messageID: EventID
    private let thinkingID: EventID
    private let isOn: Bool
    private let state = Mutex(State())

    init(hub: PreviewHub, session: SessionID, messageID: EventID, thinkingID: EventID, isOn: Bool) {
        self.hub = hub
        self.session = session
        self.messageID = messageID
        self.thinkingID = thinkingID
        self.isOn = isOn
    }

    func take(_ event: ModelEvent) async {
        guard isOn else { return }
        for preview in previews(of: event) { hub.publish(session, preview) }
    }

    private func previews(of event: ModelEvent) -> [Preview] {
        state.withLock { state in
            switch event {
            case .textDelta(let index, let text) where !text.isEmpty:
                var previews: [Preview] = []
                if !state.startedMessage {
                    state.startedMessage = true
                    previews.append(.start(.agentMessage, messageID))
                }
                let place = state.textBlocks[index] ?? state.textBlocks.count
                state.textBlocks[index] = place
                return previews + [.delta(messageID, index: place, text: text)]
            case .thinkingDelta where !state.startedThinking:
                state.startedThinking = true
                return [.start(.agentThinking, thinkingID)]
            default: return []
            }
        }
    }
}
