/// A message of one direction: ``WorkerMessage`` or ``ExecdMessage``.
package protocol PeerMessage: Sendable {
    var kind: FrameKind { get }
    /// Reads a whole message; fragments are already joined and their marker bytes gone.
    init(kind: FrameKind, payload: ArraySlice<UInt8>) throws(ProtocolError)
    /// Appends the fields, without header and marker bytes.
    func appendPayload(to writer: inout FieldWriter)
}

extension PeerMessage {
    /// Appends the message as one frame, or several when it is fragmented.
    ///
    /// `data`, `putData` and `output` messages must stay within ``ProtocolLimits/maxPayload``; the caller cuts them.
    package func encode(on stream: UInt32, into bytes: inout [UInt8]) {
        var writer = FieldWriter()
        appendPayload(to: &writer)
        let payload = writer.bytes
        guard kind.isFragmented else {
            FrameHeader(kind: kind, stream: stream, length: payload.count).append(to: &bytes)
            bytes.append(contentsOf: payload)
            return
        }
        let piece = ProtocolLimits.maxPayload - 1
        var start = 0
        repeat {
            let end = min(start + piece, payload.count)
            FrameHeader(kind: kind, stream: stream, length: end - start + 1).append(to: &bytes)
            bytes.append(end < payload.count ? 1 : 0)
            bytes.append(contentsOf: payload[start..<end])
            start = end
        } while start < payload.count
    }

    /// The message's frames as bytes.
    package func encoded(on stream: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        encode(on: stream, into: &bytes)
        return bytes
    }
}
