import Sandbox
import Synchronization

@testable import Worker

/// A sandbox that only keeps its journal.
final class FakeSandbox: Sandbox {
    let id: SandboxID
    private let provider: FakeProvider
    private let entries: Mutex<[String: JournalEntry]>
    /// Lets blocked calls end as if their command had ended.
    let release = Latch()
    /// Makes running calls throw `.lost`.
    let death = Latch()

    init(id: SandboxID, provider: FakeProvider, entries: [String: JournalEntry] = [:]) {
        self.id = id
        self.provider = provider
        self.entries = Mutex(entries)
    }

    var boundary: String { "in memory" }

    func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult {
        let known = entries.withLock { entries -> JournalEntry? in
            defer { if entries[call.id] == nil { entries[call.id] = .running } }
            return entries[call.id]
        }
        switch known {
        case .settled(let result): return result
        case .running: provider.note("attach \(call.id)")
        case nil: provider.note("run \(call.id)")
        }
        let result = try await perform(call)
        entries.withLock { $0[call.id] = .settled(result) }
        return result
    }

    private func perform(_ call: ToolCall) async throws(SandboxError) -> ToolResult {
        switch call.input {
        case .bash(let command?, _, _) where command.contains("missing-package"):
            return .failure((1...40).map { "line \($0)" }.joined(separator: "\n") + "\nthere is no missing-package")
        case .bash(let command?, _, _) where command.hasPrefix("block"):
            await death.cancelling { await self.release.wait() }
            if death.isOpen {
                provider.remove(id)
                throw SandboxError(.lost, "the daemon is gone")
            }
            if release.isOpen { return ToolResult(content: [.text("released")], isError: false) }
            provider.note("killed \(call.id)")
            return .failure("cancelled; printed so far: half")
        case .bash(let command, _, _):
            return ToolResult(content: [.text(command == "silent" ? "" : "ran \(command ?? "")")], isError: false)
        case .write(let path, let content):
            return ToolResult(content: [.text("wrote \(content.utf8.count) bytes to \(path)")], isError: false)
        case .read:
            return ToolResult(
                content: [.image(mediaType: "image/png", bytes: [0x89, 0x50, 0x4E, 0x47])], isError: false)
        default:
            return .failure("not supported here")
        }
    }

    func journal() async throws(SandboxError) -> [String: JournalEntry] { entries.withLock { $0 } }
    func configure(_ settings: SandboxSettings) async throws(SandboxError) {
        try provider.configure(settings)
    }
    func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        provider.note("put \(path) \(String(mode, radix: 8)) \(String(decoding: bytes, as: UTF8.self))")
    }
    func detach() async {
        provider.note("detach \(id)")
    }
    func pause() async throws(SandboxError) { try provider.pause(id) }
    func snapshot(as name: SnapshotID) async throws(SandboxError) {
        provider.note("snapshot \(id) \(name)")
        provider.script { $0.snapshots.append(name) }
    }
    func destroy() async {
        provider.note("destroy \(id)")
        provider.remove(id)
    }
}
