import Sandbox
import Synchronization

/// An engine with folders of its own, and what the contract asks about the host.
protocol EngineRig: Sendable {
    /// Whose connections go to `gate`.
    var provider: any SandboxProvider { get }
    var gate: RecordingGate { get }

    /// Another engine over the same folders: what a restarted worker has.
    func restarted() -> any SandboxProvider

    /// A request with an id of this rig's own and small bounds.
    func spec(_ name: String) throws -> SandboxSpec

    /// What is left on the host of this rig's sandboxes, besides files and snapshots, after a moment for the kernel.
    func leftovers() async -> [String]
}

/// Answers every connection with one HTTP response and counts them.
final class RecordingGate: OutboundGate {
    private let count = Mutex(0)
    var connections: Int { count.withLock { $0 } }

    func serve(_ connection: any OutboundConnection) async {
        count.withLock { $0 += 1 }
        _ = try? await connection.read()
        try? await connection.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngate".utf8))
        await connection.finish()
        while let bytes = try? await connection.read(), !bytes.isEmpty {}
        await connection.reset()
    }
}
