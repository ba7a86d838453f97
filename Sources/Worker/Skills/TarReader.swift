/// Reads tar archives: ustar with the long names of GNU and pax.
enum TarReader {
    static func files(in bytes: [UInt8]) throws(ArchiveError) -> [ArchiveFile] {
        let reader = ByteReader(bytes: bytes)
        var files: [ArchiveFile] = []
        var offset = 0
        var left = ArchiveFile.maximumBytes
        var longName: String?
        while offset + 512 <= bytes.count {
            let header = Array(try reader.slice(offset, 512))
            if header.allSatisfy({ $0 == 0 }) { break }
            guard isIntact(header) else { throw .unsupported("the archive is neither zip nor tar") }
            let size = try octal(header[124..<136])
            guard size <= left else { throw .tooLarge }
            let data = try reader.slice(offset + 512, size)
            offset += 512 + (size + 511) / 512 * 512
            switch header[156] {
            case UInt8(ascii: "L"):
                longName = try text(data.prefix { $0 != 0 })
            case UInt8(ascii: "x"):
                if let path = try paxPath(data) { longName = path }
            case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
                let name = if let longName { longName } else { try self.name(header) }
                longName = nil
                guard let path = try ArchiveFile.safePath(name), !name.hasSuffix("/") else { continue }
                guard files.count < ArchiveFile.maximumFiles else { throw .tooLarge }
                left -= size
                files.append(
                    ArchiveFile(
                        path: path, bytes: Array(data), isExecutable: try octal(header[100..<108]) & 0o111 != 0))
            case UInt8(ascii: "g"):
                continue
            default:
                // Folders, links and devices; a folder's name is checked all the same.
                if longName == nil { _ = try ArchiveFile.safePath(try self.name(header)) }
                longName = nil
            }
        }
        return files
    }

    /// The header's own checksum, counted with its field as spaces.
    private static func isIntact(_ header: [UInt8]) -> Bool {
        var sum = 0
        for (index, byte) in header.enumerated() { sum += (148..<156).contains(index) ? 0x20 : Int(byte) }
        return (try? octal(header[148..<156])) == sum
    }

    private static func octal(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> Int {
        let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard digits.count <= 12 else { throw .malformed("broken number in a tar header") }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }

    private static func name(_ header: [UInt8]) throws(ArchiveError) -> String {
        let name = try text(header[0..<100].prefix { $0 != 0 })
        guard header[257..<262].elementsEqual("ustar".utf8) else { return name }
        // GNU archives use the field of the prefix for other things, and say so by a space behind `ustar`.
        guard header[262] == 0 else { return name }
        let prefix = try text(header[345..<500].prefix { $0 != 0 })
        return prefix.isEmpty ? name : prefix + "/" + name
    }

    /// The `path` record of a pax header: lines of `<length> <key>=<value>`.
    private static func paxPath(_ data: ArraySlice<UInt8>) throws(ArchiveError) -> String? {
        var rest = data
        var path: String?
        while let space = rest.firstIndex(of: 0x20) {
            let digits = rest[rest.startIndex..<space]
            guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1,
                length <= rest.count
            else { throw .malformed("broken pax header") }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            if record.starts(with: Array("path=".utf8)) { path = try text(record.dropFirst(5).prefix { $0 != 0x0A }) }
            rest = rest[(rest.startIndex + length)...]
        }
        return path
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("a file name is not UTF-8") }
        return text
    }
}
