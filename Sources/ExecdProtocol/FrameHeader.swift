/// The nine bytes in front of every payload.
package struct FrameHeader: Equatable, Sendable {
    package static let size = 9

    package var kind: FrameKind
    package var stream: UInt32
    package var length: Int

    package init(kind: FrameKind, stream: UInt32, length: Int) {
        self.kind = kind
        self.stream = stream
        self.length = length
    }

    /// Reads a header from the first nine of `bytes`.
    /// - Throws: ``ProtocolError`` when there are fewer, the kind is unknown or the length is over the limit.
    package init(parsing bytes: Span<UInt8>) throws(ProtocolError) {
        guard bytes.count >= Self.size else { throw .truncated }
        guard let kind = FrameKind(rawValue: bytes[0]) else { throw .unknownKind(bytes[0]) }
        var stream: UInt32 = 0
        var length: UInt32 = 0
        for index in 1..<5 { stream = stream << 8 | UInt32(bytes[index]) }
        for index in 5..<9 { length = length << 8 | UInt32(bytes[index]) }
        guard length <= ProtocolLimits.maxPayload else { throw .tooLong(Int(length)) }
        self.init(kind: kind, stream: stream, length: Int(length))
    }

    /// Appends the nine bytes.
    package func append(to bytes: inout [UInt8]) {
        var writer = FieldWriter(appendingTo: bytes)
        bytes = []
        writer.put(kind.rawValue)
        writer.put(stream)
        writer.put(UInt32(truncatingIfNeeded: length))
        bytes = writer.bytes
    }
}
