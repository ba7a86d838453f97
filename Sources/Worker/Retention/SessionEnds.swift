internal import Sandbox
internal import Wire

/// What a server positively knows of sessions whose files lie here. What it does not know is not in the answer, and is left alone.
struct SessionEnds: Sendable {
    enum State: Sendable, Equatable {
        case living
        case archived(at: Timestamp)
        case deleted
    }
    var states: [SandboxID: State] = [:]

    /// Leaves out what this version cannot read.
    init(_ json: JSON) {
        for item in json["data"]?.arrayValue ?? [] {
            guard let id = item["id"]?.stringValue.flatMap({ SandboxID($0) }) else { continue }
            switch item["state"]?.stringValue {
            case "living": states[id] = .living
            case "deleted": states[id] = .deleted
            case "archived":
                guard let time = item["ended_at"]?.stringValue.flatMap({ Timestamp($0) }) else { continue }
                states[id] = .archived(at: time)
            default: continue
            }
        }
    }

    /// Sessions whose files nobody will come back to.
    func over(after days: Int, now: Timestamp) -> [SandboxID] {
        states.compactMap { id, state in
            switch state {
            case .living: nil
            case .deleted: id
            case .archived(let time): now.since(time) >= .seconds(days * 86_400) ? id : nil
            }
        }
    }
}
