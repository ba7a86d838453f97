internal import NIOHTTP1
internal import Wire

/// Puts a waiting call to a person and tells the server the answer.
struct Approval {
    let client: AdminClient
    let session: String
    /// Allows everything, from the start or since the person said so.
    var allowsAll: Bool
    let isInteractive: Bool

    /// - Throws: ``CommandError`` when nobody can be asked.
    mutating func settle(_ call: RunMachine.PendingCall) async throws {
        var answer = ClientMessages.allow(call.id)
        if !allowsAll {
            guard isInteractive else {
                throw CommandError(
                    .failure, "\(call.name) waits for approval, and nobody can be asked here",
                    remedy: "run again with --auto-approve, or answer with "
                        + "`perimeter sessions approve \(session)` and follow with `perimeter sessions stream \(session)`"
                )
            }
            switch try await ask(call) {
            case .allow: break
            case .allowAll: allowsAll = true
            case .deny(let reason):
                answer = ClientMessages.deny(call.id, reason: reason)
            }
        }
        _ = try await client.call(
            .POST, "/v1/sessions/\(PathSegment.id(session))/events", body: ClientMessages.body(answer))
    }

    private enum Answer { case allow, allowAll, deny(String?) }

    private func ask(_ call: RunMachine.PendingCall) async throws -> Answer {
        let style = Terminal.style
        let margin = String(repeating: " ", count: TimelineLayout.indent)
        while true {
            Terminal.write(
                margin + style.paint("allow \(call.name): \(call.summary)", .yellow)
                    + "\n\(margin)[y]es, [n]o, no with a reason (n REASON), [a]ll in this run: ")
            guard let line = try await Terminal.readLine() else { return .deny(nil) }
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words.first?.lowercased() {
            case "y", "yes": return .allow
            case "a", "all": return .allowAll
            case "n", "no": return .deny(words.count > 1 ? words[1] : nil)
            default: continue
            }
        }
    }
}
