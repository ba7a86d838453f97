internal import Hummingbird
internal import NIOCore

/// Where a stream writes to.
// SAFETY: one task uses the writer, from the first byte to the end.
final class StreamSink: @unchecked Sendable {
    private nonisolated(unsafe) var writer: any ResponseBodyWriter

    init(_ writer: any ResponseBodyWriter) { self.writer = writer }

    /// Waits while the client does not read.
    @concurrent func write(_ bytes: [UInt8]) async throws { try await writer.write(ByteBuffer(bytes: bytes)) }

    @concurrent func finish() async throws {
        let writer = writer
        try await writer.finish(nil)
    }
}
