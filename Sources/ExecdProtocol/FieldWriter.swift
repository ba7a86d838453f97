/// Appends the fields of a message to a byte array, big endian.
package struct FieldWriter {
    package private(set) var bytes: [UInt8]

    package init(appendingTo bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    package mutating func put(_ value: UInt8) { bytes.append(value) }
    package mutating func put(_ value: UInt16) { putInteger(value) }
    package mutating func put(_ value: UInt32) { putInteger(value) }
    package mutating func put(_ value: UInt64) { putInteger(value) }
    package mutating func put(_ value: Int64) { putInteger(UInt64(bitPattern: value)) }
    package mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// A u32 length and the text's UTF-8.
    package mutating func put(_ text: String) {
        put(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// A u32 length and the bytes.
    package mutating func put(_ field: [UInt8]) {
        put(UInt32(truncatingIfNeeded: field.count))
        bytes.append(contentsOf: field)
    }

    /// One byte 0, or 1 and the text.
    package mutating func put(optional text: String?) {
        put(text != nil)
        if let text { put(text) }
    }

    /// The bytes alone, to the end of the message.
    package mutating func putRest(_ field: [UInt8]) {
        bytes.append(contentsOf: field)
    }

    private mutating func putInteger<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        var shift = T.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }
}
