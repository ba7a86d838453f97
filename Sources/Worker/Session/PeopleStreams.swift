internal import AsyncAlgorithms
internal import Logging
internal import NIOCore
internal import Sandbox
internal import Wire

/// Serves the streams that people open into a session's sandbox through our own server: shells, commands, ports.
///
/// The worker opens every connection itself. While a stream is open, the session is not idle.
struct PeopleStreams: Sendable {
    let client: SessionClient
    let environment: RemoteID
    let holder: SandboxHolder
    let board: SessionBoard
    let start: StartReport
    let logger: Logger

    private static let wait = Duration.seconds(25)
    /// How long the server may take to end its side.
    private static let patience = Duration.seconds(10)

    /// Runs until cancelled; then all streams end.
    func run() async {
        await withDiscardingTaskGroup { group in
            var backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
            while !Task.isCancelled {
                do throws(WorkerError) {
                    guard let offer = try await client.nextStream(within: Self.wait) else { continue }
                    backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
                    guard let stream = StreamOffer(offer) else { continue }
                    group.addTask { await serve(stream) }
                } catch {
                    // A server that does not have the path, or does not let this worker near it.
                    guard error.isRetryable || error.code == .malformed else { break }
                    try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
                }
            }
            group.cancelAll()
        }
    }

    private func serve(_ offer: StreamOffer) async {
        // Not joined, the stream is offered to whoever serves the session next.
        guard board.ask({ $0.hold() }) else { return }
        defer { board.tell { $0.release() } }
        let output = AsyncChannel<ByteBuffer>()
        do throws(WorkerError) {
            let input = try await client.joinStream(offer.id, sending: output)
            switch offer.wish {
            case .stream(let target): await carry(target, input: input, output: output)
            case .snapshot(let name): await keep(name, input: input, output: output)
            case .pause: await answer(input, output) { () async throws(SandboxError) in try await pause() }
            case .resume:
                await answer(input, output) { () async throws(SandboxError) in
                    _ = try await holder.lease()
                    await start.flush()
                }
            }
        } catch {
            logger.warning("stream not served", metadata: ["code": "\(error.code)", "stream_id": "\(offer.id)"])
            output.finish()
        }
    }

    private func carry(
        _ target: StreamTarget, input: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        output: AsyncChannel<ByteBuffer>
    ) async {
        let stream: any SandboxStream
        do throws(SandboxError) { stream = try await holder.lease().sandbox.open(target) } catch {
            await output.send(.failed(error.message))
            return await Self.farewell(output, input)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // The person's side is over, or sent nonsense: what runs is hung up.
                try? await Self.forward(input, to: stream)
                await stream.reset()
            }
            group.addTask {
                await Self.send(stream, to: output)
                output.finish()
                // The server ends the other direction once it has all of this one; cut before, the rest would be lost.
                try? await Task.sleep(for: Self.patience)
            }
            await group.next()
            group.cancelAll()
        }
        await stream.reset()
        output.finish()
    }

    private func keep(
        _ name: SnapshotName, input: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        output: AsyncChannel<ByteBuffer>
    ) async {
        await answer(input, output) { () async throws(SandboxError) in
            guard let id = name.id(in: environment) else {
                throw SandboxError(.unsupported, "the environment's id cannot be part of a snapshot's name")
            }
            try await holder.lease().sandbox.snapshot(as: id)
        }
    }

    /// Says how `body` ended.
    private func answer(
        _ input: some AsyncSequence<ByteBuffer, any Error> & Sendable, _ output: AsyncChannel<ByteBuffer>,
        _ body: () async throws(SandboxError) -> Void
    ) async {
        do throws(SandboxError) {
            try await body()
            await output.send(.exited(0))
        } catch {
            await output.send(.failed(error.message))
        }
        await Self.farewell(output, input)
    }

    /// Ends our side and waits until the server has all of it and ends its own: a request that is given up before loses its
    /// last bytes.
    private static func farewell(
        _ output: AsyncChannel<ByteBuffer>, _ input: some AsyncSequence<ByteBuffer, any Error> & Sendable
    ) async {
        output.finish()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { do { for try await _ in input {} } catch {} }
            group.addTask { try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
        }
    }

    private static func send(_ stream: any SandboxStream, to output: AsyncChannel<ByteBuffer>) async {
        do throws(SandboxError) {
            while let bytes = try await stream.read() {
                for start in stride(from: 0, to: bytes.count, by: SandboxFrame.maximumLength) {
                    await output.send(
                        .data(Array(bytes[start..<min(bytes.count, start + SandboxFrame.maximumLength)])))
                }
            }
            if let code = stream.exitCode { await output.send(.exited(code)) }
        } catch {
            await output.send(.failed(error.message))
        }
    }

    private static func forward(
        _ input: some AsyncSequence<ByteBuffer, any Error>, to stream: any SandboxStream
    ) async throws {
        var decoder = SandboxFrameDecoder()
        for try await buffer in input {
            for frame in try decoder.feed(buffer.readableBytesView) {
                switch frame {
                case .data(let bytes): try await stream.write(bytes)
                case .resize(let columns, let rows): await stream.resize(columns: columns, rows: rows)
                case .endOfInput: await stream.finish()
                case .exited, .failed: throw SandboxFrameDecoder.Malformed()
                }
            }
        }
    }
}

extension AsyncChannel where Element == ByteBuffer {
    fileprivate func send(_ frame: SandboxFrame) async { await send(ByteBuffer(bytes: frame.bytes)) }
}

/// What the server tells of something that a person asked for.
struct StreamOffer: Equatable {
    enum Wish: Equatable {
        case stream(StreamTarget)
        case snapshot(SnapshotName)
        case pause
        case resume
    }
    var id: RemoteID
    var wish: Wish

    /// Nil for what this version does not know.
    init?(_ json: JSON) {
        guard let id = RemoteID(json["id"]?.stringValue), let target = json["target"], let wish = Wish(target) else {
            return nil
        }
        self.id = id
        self.wish = wish
    }
}

extension StreamOffer.Wish {
    fileprivate init?(_ target: JSON) {
        let command = target["command"]?.stringValue ?? ""
        func number(_ name: String) -> UInt16? { target[name]?.intValue.flatMap { UInt16(exactly: $0) } }
        switch target["type"]?.stringValue {
        case "terminal":
            guard let columns = number("columns"), let rows = number("rows") else { return nil }
            self = .stream(.terminal(columns: columns, rows: rows, command: command))
        case "command": self = .stream(.command(command))
        case "port":
            guard let port = number("port") else { return nil }
            self = .stream(.port(port))
        case "snapshot":
            guard let name = target["name"]?.stringValue.flatMap({ SnapshotName($0) }) else { return nil }
            self = .snapshot(name)
        case "pause": self = .pause
        case "resume": self = .resume
        default: return nil
        }
    }
}
