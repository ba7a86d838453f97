internal import AsyncAlgorithms
internal import AsyncHTTPClient
internal import NIOCore
internal import Wire

/// One stream into a session's sandbox, from the person's side.
struct SandboxLink: Sendable {
    /// How the other side ended.
    enum End: Equatable, Sendable {
        /// A shell's exit code.
        case exited(Int32)
        /// A port's connection was closed.
        case closed
    }

    private let input: AsyncChannel<ByteBuffer>
    private let output: HTTPClientResponse.Body

    /// Opens a stream and waits until the session's worker serves it, which may have to make the sandbox first.
    /// - Throws: ``CommandError`` with the server's reason.
    init(
        _ client: AdminClient, session: String, _ query: [(name: String, value: String)]
    ) async throws(CommandError) {
        input = AsyncChannel()
        output = try await client.duplex(
            "/v1/sessions/\(try PathSegment.id(session))/sandbox/streams", query: query, upload: input)
    }

    /// Sends; waits while the other side does not read.
    func send(_ frame: SandboxFrame) async { await input.send(ByteBuffer(bytes: frame.bytes)) }

    func send(_ bytes: [UInt8]) async {
        for start in stride(from: 0, to: bytes.count, by: SandboxFrame.maximumLength) {
            await send(.data(Array(bytes[start..<min(bytes.count, start + SandboxFrame.maximumLength)])))
        }
    }

    /// Gives the connection up; what runs inside is hung up.
    func close() { input.finish() }

    /// Hands over what comes until the other side ends.
    /// - Throws: ``CommandError`` when the stream failed or broke; what `take` throws.
    func receive(_ take: ([UInt8]) async throws -> Void) async throws -> End {
        var decoder = SandboxFrameDecoder()
        do {
            for try await buffer in output {
                for frame in try decoder.feed(buffer.readableBytesView) {
                    switch frame {
                    case .data(let bytes): try await take(bytes)
                    case .exited(let code): return .exited(code)
                    case .failed(let reason): throw CommandError(.failure, "the sandbox refused: \(reason)")
                    case .resize, .endOfInput: throw SandboxFrameDecoder.Malformed()
                    }
                }
            }
            return .closed
        } catch is SandboxFrameDecoder.Malformed {
            throw CommandError(.failure, "the server sent something that is no stream of a sandbox")
        } catch let error as HTTPClientError {
            throw CommandError(.unreachable, "the connection to the sandbox broke off: \(error)")
        }
    }
}
