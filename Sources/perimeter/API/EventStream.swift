internal import AsyncHTTPClient
internal import NIOCore
internal import Wire

/// The events of an open stream, in order; read once.
struct EventStream {
    let body: HTTPClientResponse.Body

    /// Delivers events until `receive` returns false or the server ends the stream.
    ///
    /// - Returns: false when `receive` ended it.
    /// - Throws: ``CommandError`` for an `error` frame and for bytes that are no event stream; a transport error when the
    ///   connection broke; what `receive` throws.
    func forEach(_ receive: (JSON) async throws -> Bool) async throws -> Bool {
        var decoder = EventStreamDecoder()
        for try await chunk in body {
            for event in try decoder.feed(chunk.readableBytesView) {
                guard try await receive(event) else { return false }
            }
        }
        return true
    }
}
