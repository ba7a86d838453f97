/// Turns the bytes of one direction into messages: feed what arrives, then take messages until there is none.
///
/// Holds at most one unfinished frame and ``ProtocolLimits/maxAssembly`` bytes of unfinished messages. After a thrown error
/// the connection is to be closed; the decoder is of no more use.
package struct MessageDecoder<Message: PeerMessage>: Sendable {
    private struct Assembly {
        var kind: FrameKind
        var bytes: [UInt8]
    }

    private var buffer: [UInt8] = []
    private var consumed = 0
    private var assemblies: [UInt32: Assembly] = [:]
    private var assembled = 0

    package init() {}

    /// Takes bytes as they came from the connection.
    package mutating func feed(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { feed($0) }
    }

    /// Takes bytes as they came from the connection, without an array in between.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        if consumed == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 18)
            consumed = 0
        } else if consumed > 1 << 16 {
            buffer.removeFirst(consumed)
            consumed = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole message, or nil when more bytes are needed.
    package mutating func next() throws(ProtocolError) -> (stream: UInt32, message: Message)? {
        while buffer.count - consumed >= FrameHeader.size {
            let header = try FrameHeader(parsing: buffer.span.extracting(consumed..<consumed + FrameHeader.size))
            let start = consumed + FrameHeader.size
            guard buffer.count - start >= header.length else { return nil }
            consumed = start + header.length
            let payload = buffer[start..<consumed]
            guard header.kind.isFragmented else {
                return (header.stream, try Message(kind: header.kind, payload: payload))
            }
            if let message = try join(payload, of: header) { return (header.stream, message) }
        }
        return nil
    }

    private mutating func join(_ payload: ArraySlice<UInt8>, of header: FrameHeader) throws(ProtocolError) -> Message? {
        guard let marker = payload.first else { throw .truncated }
        guard marker <= 1 else { throw .invalidField("fragment") }
        let piece = payload.dropFirst()
        if marker == 0, assemblies[header.stream] == nil {
            return try Message(kind: header.kind, payload: piece)
        }
        var assembly = assemblies.removeValue(forKey: header.stream) ?? Assembly(kind: header.kind, bytes: [])
        guard assembly.kind == header.kind else { throw .brokenFragments(stream: header.stream) }
        assembly.bytes.append(contentsOf: piece)
        assembled += piece.count
        guard assembly.bytes.count <= ProtocolLimits.maxMessage else { throw .tooLong(assembly.bytes.count) }
        guard assembled <= ProtocolLimits.maxAssembly else { throw .tooLong(assembled) }
        if marker == 1 {
            // An empty piece that promises more would let a peer fill the table at no cost.
            guard !piece.isEmpty else { throw .brokenFragments(stream: header.stream) }
            assemblies[header.stream] = assembly
            return nil
        }
        assembled -= assembly.bytes.count
        return try Message(kind: assembly.kind, payload: assembly.bytes[...])
    }
}
