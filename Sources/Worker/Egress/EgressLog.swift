internal import Egress
internal import FoundationEssentials
internal import Glibc
internal import Synchronization
internal import Wire

/// The request log of each environment: one JSON object a line, in a file that is kept below a bound.
///
/// Lines are handed to a thread of its own. When it falls behind, lines are dropped and counted, rather than requests held up:
/// the next line says how many are missing.
public final class EgressLog: Sendable {
    private struct State {
        var waiting: [(environment: String, line: [UInt8])] = []
        var dropped = 0
        var isWriting = false
    }
    private static let maximumWaiting = 4096
    /// One older file is kept beside the current one.
    private static let maximumBytes = 16 << 20

    private let folder: String
    private let queue = BlockingQueue(label: "perimeter.worker.egress-log")
    private let state = Mutex(State())

    /// - Parameter folder: made when it is needed, for this user alone.
    public init(folder: String) { self.folder = folder }

    func add(_ record: EgressRecord, environment: RemoteID, session: RemoteID, at time: Date = Date()) {
        var fields: [(key: String, value: JSON)] = [
            (key: "at", value: .string(time.formatted(.iso8601))),
            (key: "session_id", value: .string(session.rawValue)),
            (key: "host", value: .string(record.host)), (key: "port", value: .integer(Int64(record.port))),
            (key: "method", value: .string(record.method)), (key: "path", value: .string(record.path)),
        ]
        switch record.outcome {
        case .carried: fields.append((key: "outcome", value: "carried"))
        case .denied(let sentence):
            fields += [(key: "outcome", value: "denied"), (key: "reason", value: .string(sentence))]
        case .failed(let sentence):
            fields += [(key: "outcome", value: "failed"), (key: "reason", value: .string(sentence))]
        }
        fields += [
            (key: "inspected", value: .bool(record.isInspected)),
            (key: "bytes_out", value: .integer(Int64(record.bytesOut))),
            (key: "bytes_in", value: .integer(Int64(record.bytesIn))),
            (key: "seconds", value: .double(record.duration / .seconds(1))),
        ]
        let mustStart = state.withLock { state in
            guard state.waiting.count < Self.maximumWaiting else {
                state.dropped += 1
                return false
            }
            if state.dropped > 0 { fields.append((key: "lines_lost_before", value: .integer(Int64(state.dropped)))) }
            state.dropped = 0
            state.waiting.append((environment.rawValue, JSON.object(JSON.Object(fields)).bytes + [0x0A]))
            defer { state.isWriting = true }
            return !state.isWriting
        }
        guard mustStart else { return }
        Task { await queue.run { self.writeAll() } }
    }

    private func writeAll() {
        while true {
            let lines = state.withLock { state in
                if state.waiting.isEmpty { state.isWriting = false }
                defer { state.waiting = [] }
                return state.waiting
            }
            guard !lines.isEmpty else { return }
            for (environment, part) in Dictionary(grouping: lines, by: \.environment) {
                write(part.flatMap(\.line), to: "\(folder)/\(environment).jsonl")
            }
        }
    }

    /// A line that cannot be written is lost: a full disk must not stop sessions.
    private func write(_ bytes: [UInt8], to path: String) {
        guard PrivateFolder.make(folder) else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        if lseek(file, 0, SEEK_END) >= Self.maximumBytes { rename(path, path + ".1") }
        _ = Glibc.write(file, bytes, bytes.count)
    }
}
