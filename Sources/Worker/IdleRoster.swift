internal import Synchronization

/// Which served sessions have nothing to do here. When the last slot is taken, the one that can be missed best gives its slot
/// back: its files stay, and it is claimed again as soon as it has work.
final class IdleRoster: Sendable {
    private struct Entry {
        var idleness: SessionMachine.Idleness
        var order: UInt64
        var board: SessionBoard
    }
    private struct State {
        var entries: [RemoteID: Entry] = [:]
        var isRoomWanted = false
        var nextOrder: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Notes what a session says of itself; nil while it has something to do, or is no longer served.
    func update(_ session: RemoteID, _ idleness: SessionMachine.Idleness?, _ board: SessionBoard) {
        let leaving = state.withLock { state -> SessionBoard? in
            guard let idleness else {
                state.entries[session] = nil
                return nil
            }
            let order = state.entries[session]?.order ?? state.nextOrder
            state.nextOrder += 1
            state.entries[session] = Entry(idleness: idleness, order: order, board: board)
            return state.isRoomWanted ? Self.take(&state) : nil
        }
        leaving?.tell { $0.makeRoom() }
    }

    /// Asks one session to leave, now or as soon as one is idle.
    func makeRoom() {
        let leaving = state.withLock { state -> SessionBoard? in
            state.isRoomWanted = true
            return Self.take(&state)
        }
        leaving?.tell { $0.makeRoom() }
    }

    /// A slot is free again.
    func madeRoom() { state.withLock { $0.isRoomWanted = false } }

    private static func take(_ state: inout State) -> SessionBoard? {
        guard
            let best = state.entries.min(by: {
                ($0.value.idleness, $0.value.order) < ($1.value.idleness, $1.value.order)
            })
        else { return nil }
        state.entries[best.key] = nil
        state.isRoomWanted = false
        return best.value.board
    }
}
