internal import ExecdProtocol
internal import NIOCore
internal import Synchronization

/// Sends frames to the daemon. Those that the daemon can bring about are counted, so that one that asks for answers without
/// reading them cannot fill the memory.
final class FrameOutlet: Sendable {
    /// Frames that were brought about and have not left yet.
    static let maximumPending = 2048

    private let channel: any Channel
    private let requests: RequestTable
    private let pending = Atomic<Int>(0)

    init(channel: any Channel, requests: RequestTable) {
        self.channel = channel
        self.requests = requests
    }

    /// Sends what the worker asks by itself.
    func send(_ message: WorkerMessage, on stream: UInt32) {
        channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream)), promise: nil)
    }

    /// Sends what the daemon has brought about.
    func reply(_ message: WorkerMessage, on stream: UInt32) {
        guard pending.add(1, ordering: .relaxed).newValue <= Self.maximumPending else {
            requests.close(
                with: SandboxError(
                    .protocolViolation,
                    "the daemon in the sandbox broke the protocol: it reads none of what it asks for"))
            return channel.close(promise: nil)
        }
        channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream))).whenComplete { [self] _ in
            pending.subtract(1, ordering: .relaxed)
        }
    }

    /// Sends, and waits until the bytes have left: back-pressure.
    func write(_ message: WorkerMessage, on stream: UInt32) async throws(SandboxError) {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream))).get()
        } catch {
            throw requests.end ?? SandboxError(.lost, "the connection to the sandbox broke", cause: error)
        }
    }
}
