/// Takes the fields of a message from its bytes. Total: any bytes give values or a ``ProtocolError``.
package struct FieldReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    private var remaining: Int { bytes.endIndex - position }

    package mutating func byte() throws(ProtocolError) -> UInt8 { try integer() }
    package mutating func uint16() throws(ProtocolError) -> UInt16 { try integer() }
    package mutating func uint32() throws(ProtocolError) -> UInt32 { try integer() }
    package mutating func uint64() throws(ProtocolError) -> UInt64 { try integer() }
    package mutating func int64() throws(ProtocolError) -> Int64 { Int64(bitPattern: try integer()) }

    /// A byte that must be 0 or 1.
    package mutating func bool(_ name: String) throws(ProtocolError) -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw .invalidField(name)
        }
    }

    /// A u32 length and that many bytes.
    package mutating func field() throws(ProtocolError) -> [UInt8] {
        let length = Int(try uint32())
        guard length <= remaining else { throw .truncated }
        defer { position += length }
        return Array(bytes[position..<position + length])
    }

    /// A u32 length and that many bytes of valid UTF-8.
    package mutating func text(_ name: String, limit: Int = ProtocolLimits.maxMessage) throws(ProtocolError) -> String {
        let length = Int(try uint32())
        guard length <= remaining else { throw .truncated }
        guard length <= limit else { throw .tooLong(length) }
        defer { position += length }
        guard let text = String(validating: bytes[position..<position + length], as: UTF8.self) else {
            throw .invalidField(name)
        }
        return text
    }

    package mutating func optionalText(_ name: String) throws(ProtocolError) -> String? {
        try bool(name) ? try text(name) : nil
    }

    /// All bytes that are left.
    package mutating func rest() -> [UInt8] {
        defer { position = bytes.endIndex }
        return Array(bytes[position...])
    }

    /// Refuses bytes after the last field.
    package func finish() throws(ProtocolError) {
        guard remaining == 0 else { throw .trailingBytes(remaining) }
    }

    private mutating func integer<T: FixedWidthInteger & UnsignedInteger>() throws(ProtocolError) -> T {
        let size = T.bitWidth / 8
        guard size <= remaining else { throw .truncated }
        var value: T = 0
        for index in position..<position + size {
            value = T(truncatingIfNeeded: UInt64(value) << 8) | T(bytes[index])
        }
        position += size
        return value
    }
}
