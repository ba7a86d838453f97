internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A unix socket for each port inside that is shown: what connects to it is carried to the port.
///
/// The proxy speaks HTTP to the socket with an ordinary client, which keeps connections and knows all of HTTP's framing.
final class PreviewSockets: Sendable {
    struct Target: Hashable, Sendable {
        var session: SessionID
        var port: Int
    }
    typealias Listener = NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>

    private struct State {
        var folder: String?
        var paths: [Target: String] = [:]
        var isClosed = false
    }
    private let state = Mutex(State())
    private let opened: AsyncStream<(Target, Listener)>
    private let feed: AsyncStream<(Target, Listener)>.Continuation
    /// Ports that are shown at once.
    private static let maximumSockets = 1024

    init() { (opened, feed) = AsyncStream.makeStream() }

    /// The path of the socket that leads to a port. Makes it when it is not there.
    /// - Throws: ``WireError`` 503 when there are too many.
    func path(to target: Target) async throws -> String {
        if let path = state.withLock({ $0.paths[target] }) { return path }
        let folder = try folder()
        let path = "\(folder)/\(UInt32.random(in: 0...UInt32.max)).sock"
        guard state.withLock({ $0.paths.count < Self.maximumSockets && !$0.isClosed }) else {
            throw WireError.unavailable("too many ports are shown at once: try again later")
        }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        let first = state.withLock { state in
            let first = state.paths[target] ?? path
            state.paths[target] = first
            return first
        }
        guard first == path else {
            try? await listener.channel.close().get()
            return first
        }
        feed.yield((target, listener))
        return path
    }

    private func folder() throws -> String {
        let folder = state.withLock { state -> String? in
            if let folder = state.folder { return folder }
            var template = Array("/tmp/perimeter-previews-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { return nil }
            state.folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return state.folder
        }
        guard let folder else { throw WireError.unavailable("no folder for sockets") }
        return folder
    }

    /// Serves what connects until cancelled; then closes all sockets and removes them.
    func run(_ serve: @escaping @Sendable (Target, NIOAsyncChannel<ByteBuffer, ByteBuffer>) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await (target, listener) in opened {
                group.addTask {
                    try? await listener.executeThenClose { connections in
                        try await withThrowingDiscardingTaskGroup { group in
                            for try await connection in connections {
                                group.addTask { await serve(target, connection) }
                            }
                        }
                    }
                }
            }
            group.cancelAll()
        }
        let (folder, paths) = state.withLock { state in
            state.isClosed = true
            return (state.folder, state.paths.values)
        }
        for path in paths { unlink(path) }
        if let folder { rmdir(folder) }
    }
}
