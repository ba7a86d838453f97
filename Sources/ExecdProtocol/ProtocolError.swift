/// Bytes that the protocol does not allow. The connection cannot go on after one.
package enum ProtocolError: Error, Equatable, Sendable {
    /// A field or header goes beyond the bytes there are.
    case truncated
    case unknownKind(UInt8)
    /// A payload, message or field over its limit.
    case tooLong(Int)
    /// A field's value outside its set, named.
    case invalidField(String)
    /// Bytes after the last field of a message.
    case trailingBytes(Int)
    /// A kind that this direction does not carry.
    case wrongDirection(FrameKind)
    /// Fragments of one stream changed their kind before the last piece.
    case brokenFragments(stream: UInt32)
}
