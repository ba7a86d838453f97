internal import Unpacking

/// Little-endian numbers at offsets that are checked.
struct ByteReader {
    let bytes: [UInt8]

    func number16(_ offset: Int) throws(ArchiveError) -> Int {
        let field = try slice(offset, 2)
        return Int(field[field.startIndex]) | Int(field[field.startIndex + 1]) << 8
    }

    func number32(_ offset: Int) throws(ArchiveError) -> Int {
        try number16(offset) | (try number16(offset + 2)) << 16
    }

    func slice(_ offset: Int, _ count: Int) throws(ArchiveError) -> ArraySlice<UInt8> {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw .malformed("truncated archive")
        }
        return bytes[offset..<offset + count]
    }
}
