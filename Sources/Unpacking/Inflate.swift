/// Decompression of deflate data (RFC 1951). Total: any input gives bytes or an error, and never more than the limit.
///
/// Input is taken and output given in pieces, so that neither has to fit into memory.
package struct Inflate {
    /// More input; nil at its end.
    package typealias Source = () throws(ArchiveError) -> ArraySlice<UInt8>?
    package typealias Sink = (ArraySlice<UInt8>) throws(ArchiveError) -> Void

    private let source: Source
    private let sink: Sink
    private var piece: ArraySlice<UInt8> = []
    private var position = 0
    private var bitBuffer: UInt32 = 0
    private var bitCount = 0
    /// What was given last, as far as a distance may reach back, and what is still to be given.
    private var output: [UInt8] = []
    private var given = 0
    /// How much may still be put out.
    private var left: Int

    private static let window = 32 << 10
    private static let flushMark = 1 << 18

    /// - Parameters:
    ///   - limit: more output than this is an error.
    ///   - source: gives the data piece by piece.
    ///   - sink: takes the output piece by piece.
    package init(limit: Int, from source: @escaping Source, to sink: @escaping Sink) {
        left = limit
        self.source = source
        self.sink = sink
    }

    /// Decompresses what is in memory.
    package static func inflate(_ input: ArraySlice<UInt8>, limit: Int) throws(ArchiveError) -> [UInt8] {
        try collect(input, limit) { (inflate) throws(ArchiveError) in try inflate.stream() }
    }

    /// Decompresses the members of a gzip file (RFC 1952) in memory.
    package static func gunzip(_ bytes: [UInt8], limit: Int) throws(ArchiveError) -> [UInt8] {
        try collect(bytes[...], limit) { (inflate) throws(ArchiveError) in try inflate.members() }
    }

    private static func collect(
        _ input: ArraySlice<UInt8>, _ limit: Int, _ body: (inout Inflate) throws(ArchiveError) -> Void
    ) throws(ArchiveError) -> [UInt8] {
        var isTaken = false
        var output: [UInt8] = []
        var inflate = Inflate(
            limit: limit,
            from: { () throws(ArchiveError) -> ArraySlice<UInt8>? in
                defer { isTaken = true }
                return isTaken ? nil : input
            },
            to: { (piece: ArraySlice<UInt8>) throws(ArchiveError) in output += piece })
        try body(&inflate)
        return output
    }

    /// Decompresses the members of a gzip file, of which there may be several behind each other. Checksums are not looked at.
    package mutating func members() throws(ArchiveError) {
        repeat {
            try header()
            try stream()
            for _ in 0..<8 { _ = try byte() }
        } while try hasMore()
    }

    private mutating func header() throws(ArchiveError) {
        guard try byte() == 0x1F, try byte() == 0x8B, try byte() == 8 else { throw .malformed("not gzip data") }
        let flags = try byte()
        for _ in 0..<6 { _ = try byte() }
        if flags & 4 != 0 {
            let length = Int(try byte()) | Int(try byte()) << 8
            for _ in 0..<length { _ = try byte() }
        }
        for flag in [UInt8(8), 16] where flags & flag != 0 { while try byte() != 0 {} }
        if flags & 2 != 0 { for _ in 0..<2 { _ = try byte() } }
    }

    /// Decompresses one deflate stream and gives all of its output.
    package mutating func stream() throws(ArchiveError) {
        // Nothing of an earlier member can be referred to.
        output.removeAll(keepingCapacity: true)
        given = 0
        var isLast = false
        while !isLast {
            isLast = try bits(1) == 1
            switch try bits(2) {
            case 0: try stored()
            case 1: try block(literals: Self.fixedLiterals, distances: Self.fixedDistances)
            case 2:
                let (literals, distances) = try dynamicCodes()
                try block(literals: literals, distances: distances)
            default: throw .malformed("unknown deflate block")
            }
        }
        try give()
        // The rest of the last byte means nothing.
        bitBuffer = 0
        bitCount = 0
    }

    // MARK: - Bytes

    private mutating func hasMore() throws(ArchiveError) -> Bool {
        while position == piece.endIndex {
            guard let next = try source() else { return false }
            piece = next
            position = next.startIndex
        }
        return true
    }

    private mutating func byte() throws(ArchiveError) -> UInt8 {
        if position == piece.endIndex, try !hasMore() { throw .malformed("truncated deflate data") }
        defer { position += 1 }
        return piece[position]
    }

    private mutating func bits(_ count: Int) throws(ArchiveError) -> Int {
        while bitCount < count {
            bitBuffer |= UInt32(try byte()) << UInt32(bitCount)
            bitCount += 8
        }
        let value = bitBuffer & (1 << UInt32(count) - 1)
        bitBuffer >>= UInt32(count)
        bitCount -= count
        return Int(value)
    }

    private mutating func put(_ byte: UInt8) throws(ArchiveError) {
        guard left > 0 else { throw .tooLarge }
        left -= 1
        output.append(byte)
        if output.count - given >= Self.flushMark { try give() }
    }

    private mutating func give() throws(ArchiveError) {
        try sink(output[given...])
        if output.count > Self.window { output.removeFirst(output.count - Self.window) }
        given = output.count
    }

    // MARK: - Blocks

    private mutating func stored() throws(ArchiveError) {
        bitBuffer = 0
        bitCount = 0
        let length = Int(try byte()) | Int(try byte()) << 8
        let check = Int(try byte()) | Int(try byte()) << 8
        guard length == check ^ 0xFFFF else { throw .malformed("broken stored block") }
        for _ in 0..<length { try put(try byte()) }
    }

    private mutating func block(literals: HuffmanCode, distances: HuffmanCode) throws(ArchiveError) {
        while true {
            let symbol = try symbol(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                try put(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengths.count else { throw .malformed("unknown deflate length") }
            let length = Self.lengths[symbol - 257].base + (try bits(Self.lengths[symbol - 257].extra))
            let code = try self.symbol(distances)
            guard code < Self.distances.count else { throw .malformed("unknown deflate distance") }
            let distance = Self.distances[code].base + (try bits(Self.distances[code].extra))
            guard distance <= output.count else { throw .malformed("deflate distance before the start") }
            // A piece that is given may leave less behind it, but never less than a distance reaches.
            for _ in 0..<length { try put(output[output.count - distance]) }
        }
    }

    private mutating func symbol(_ code: HuffmanCode) throws(ArchiveError) -> Int {
        var walk = HuffmanCode.Walk()
        while true {
            let bit = try bits(1)
            if let symbol = try code.step(&walk, bit: bit) { return symbol }
        }
    }

    private mutating func dynamicCodes() throws(ArchiveError) -> (HuffmanCode, HuffmanCode) {
        let literalCount = try bits(5) + 257
        let distanceCount = try bits(5) + 1
        let lengthCount = try bits(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw .malformed("too many deflate codes") }
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<lengthCount { lengths[Self.order[index]] = UInt8(try bits(3)) }
        let lengthCode = try HuffmanCode(lengths: lengths)
        var all: [UInt8] = []
        while all.count < literalCount + distanceCount {
            let symbol = try symbol(lengthCode)
            switch symbol {
            case 0...15: all.append(UInt8(symbol))
            case 16:
                guard let last = all.last else { throw .malformed("deflate lengths begin with a repeat") }
                all.append(contentsOf: [UInt8](repeating: last, count: 3 + (try bits(2))))
            case 17: all.append(contentsOf: [UInt8](repeating: 0, count: 3 + (try bits(3))))
            default: all.append(contentsOf: [UInt8](repeating: 0, count: 11 + (try bits(7))))
            }
        }
        guard all.count == literalCount + distanceCount else { throw .malformed("deflate lengths overrun") }
        return (
            try HuffmanCode(lengths: Array(all[..<literalCount])), try HuffmanCode(lengths: Array(all[literalCount...]))
        )
    }

    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let fixedLiterals = HuffmanCode(
        complete: [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
            + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8))
    private static let fixedDistances = HuffmanCode(complete: [UInt8](repeating: 5, count: 30))

    private static let lengths: [(base: Int, extra: Int)] =
        (3...10).map { (base: $0, extra: 0) }
        + [11, 13, 15, 17].map { (base: $0, extra: 1) } + [19, 23, 27, 31].map { (base: $0, extra: 2) }
        + [35, 43, 51, 59].map { (base: $0, extra: 3) } + [67, 83, 99, 115].map { (base: $0, extra: 4) }
        + [131, 163, 195, 227].map { (base: $0, extra: 5) } + [(base: 258, extra: 0)]
    private static let distances: [(base: Int, extra: Int)] =
        (1...4).map { (base: $0, extra: 0) }
        + (1...13).flatMap { extra in [(base: (2 << extra) + 1, extra: extra), (base: (3 << extra) + 1, extra: extra)] }
}
