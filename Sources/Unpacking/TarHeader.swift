/// One header of a tar archive: ustar, with the long names of GNU and pax. Pure.
package struct TarHeader: Equatable, Sendable {
    package static let size = 512

    package enum Kind: Equatable, Sendable {
        case file, hardLink, symbolicLink, folder
        /// The data is the name, or the link's target, of the entry that follows.
        case longName, longLink
        /// The data are records on the entry that follows; on all of them.
        case records, globalRecords
        /// Devices, sparse files, and what nobody knows.
        case other(UInt8)
    }

    package var kind: Kind
    package var name: String
    package var link: String
    package var mode: Int
    /// Seconds since 1970.
    package var modified: Int
    /// Of the data that follow.
    package var length: Int

    /// Bytes up to the next header.
    package var paddedLength: Int { (length + Self.size - 1) / Self.size * Self.size }

    /// Reads a header; nil for the empty one that ends an archive.
    /// - Throws: ``ArchiveError`` `.unsupported` when it is no header at all, `.malformed`.
    package init?(parsing block: [UInt8]) throws(ArchiveError) {
        guard block.count == Self.size else { throw .malformed("truncated archive") }
        if block.allSatisfy({ $0 == 0 }) { return nil }
        guard Self.isIntact(block) else { throw .unsupported("the archive is not tar") }
        modified = try Self.octal(block[136..<148])
        mode = try Self.octal(block[100..<108])
        name = try Self.name(block)
        link = try Self.text(block[157..<257].prefix { $0 != 0 })
        kind =
            switch block[156] {
            case UInt8(ascii: "0"), 0, UInt8(ascii: "7"): .file
            case UInt8(ascii: "1"): .hardLink
            case UInt8(ascii: "2"): .symbolicLink
            case UInt8(ascii: "5"): .folder
            case UInt8(ascii: "L"): .longName
            case UInt8(ascii: "K"): .longLink
            case UInt8(ascii: "x"): .records
            case UInt8(ascii: "g"): .globalRecords
            default: .other(block[156])
            }
        // Links and folders have no data, whatever their header says.
        let isEmpty = [.hardLink, .symbolicLink, .folder].contains(kind)
        length = isEmpty ? 0 : try Self.octal(block[124..<136])
    }

    /// The header's own checksum, counted with its field as spaces.
    private static func isIntact(_ header: [UInt8]) -> Bool {
        var sum = 0
        for (index, byte) in header.enumerated() { sum += (148..<156).contains(index) ? 0x20 : Int(byte) }
        return (try? octal(header[148..<156])) == sum
    }

    private static func octal(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> Int {
        // Numbers beyond eight GiB are written in another way, which is of no use within the limits here.
        if let first = field.first, first & 0x80 != 0 { throw .tooLarge }
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

    /// What a pax header says: lines of `<length> <key>=<value>`.
    package static func records(_ data: ArraySlice<UInt8>) throws(ArchiveError) -> [String: String] {
        var rest = data
        var records: [String: String] = [:]
        while let space = rest.firstIndex(of: 0x20) {
            let digits = rest[rest.startIndex..<space]
            guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1, length <= rest.count
            else { throw .malformed("broken pax header") }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
                let value = record[(equals + 1)...]
                let end = value.last == 0x0A ? value.endIndex - 1 : value.endIndex
                // Other values, such as attributes, may be any bytes and are of no use here.
                let key = String(decoding: record[..<equals], as: UTF8.self)
                if ["path", "linkpath", "size"].contains(key) { records[key] = try text(value[..<end]) }
            }
            rest = rest[(rest.startIndex + length)...]
        }
        return records
    }

    package static func text(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("a file name is not UTF-8") }
        return text
    }

    /// Splits a name from an archive; nil for the top folder's own entry, such as `./`.
    /// - Throws: ``ArchiveError`` `.unsafePath` for absolute names, `..` and control characters, and parts of more than 255 bytes.
    package static func safePath(_ name: String) throws(ArchiveError) -> [String]? {
        guard !name.hasPrefix("/"), !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .unsafePath(String(name.prefix(200)))
        }
        let parts = name.split(separator: "/").map(String.init).filter { $0 != "." }
        guard !parts.contains(".."), parts.allSatisfy({ $0.utf8.count <= 255 }) else {
            throw .unsafePath(String(name.prefix(200)))
        }
        return parts.isEmpty ? nil : parts
    }
}
