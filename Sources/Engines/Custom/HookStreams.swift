internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Sandbox
internal import Synchronization

/// The programs that carry byte streams to sandboxes: each is waited for, and ended with its stream.
final class HookStreams: Sendable {
    /// A program that carries one stream.
    struct Carrier: Sendable {
        var pid: Int32
        var complaint: Complaint
    }

    /// Reads a program's standard error to its end, so that it is never held up, and keeps the beginning.
    final class Complaint: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private static let limit = 4096
        private let kept = Mutex<[UInt8]>([])

        var text: String { String(peer: kept.withLock { $0 }) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            kept.withLock { $0 += buffer.readableBytesView.prefix(Self.limit - $0.count) }
        }
    }

    /// Milliseconds that a program may take to end once its stream has.
    private static let patience: Int32 = 3000

    private let ending = Mutex<[SandboxID: Task<Void, Never>]>([:])
    private let lane: BlockingLane

    init(lane: BlockingLane) { self.lane = lane }

    /// Reads the program's standard error from here on; owns the descriptor.
    static func listen(to descriptor: Int32) async throws(SandboxError) -> Complaint {
        let complaint = Complaint()
        do {
            // The channel closes itself at the end of the pipe.
            _ = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { $0.pipeline.addHandler(complaint) }
                .takingOwnershipOfDescriptor(input: descriptor).get()
        } catch {
            throw SandboxError(.unavailable, "the hook's messages cannot be read", cause: error)
        }
        return complaint
    }

    /// Ends the program once the client's connection is over; an earlier one of the same sandbox goes on to its end first.
    func keep(_ carrier: Carrier, of id: SandboxID, until client: ExecdClient) {
        ending.withLock { ending in
            let earlier = ending[id]
            // The table owns the task: `ended` waits for it.
            ending[id] = Task { [lane] in
                while await client.closed() == nil {}
                _ = await lane.run { HookProcess.stop(carrier.pid, patience: Self.patience) }
                await earlier?.value
            }
        }
    }

    /// Ends a program whose stream came to nothing.
    /// - Parameter isOver: it has closed the stream and may end by itself.
    /// - Returns: its exit code; nil when it was killed.
    func end(_ carrier: Carrier, isOver: Bool) async -> Int32? {
        await lane.run { HookProcess.stop(carrier.pid, patience: isOver ? Self.patience : 0) }
    }

    /// Returns once no program carries a stream to the sandbox any more. Its client has let go.
    func ended(_ id: SandboxID) async {
        let task = ending.withLock { $0[id] }
        await task?.value
        ending.withLock { if $0[id] == task { $0[id] = nil } }
    }
}
