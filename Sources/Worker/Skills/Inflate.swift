/// Decompression of deflate data (RFC 1951). Total: any input gives bytes or an error, and never more than the limit.
struct Inflate {
    private let input: ArraySlice<UInt8>
    private var position: Int
    private var bitBuffer: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []
    private let limit: Int

    private init(_ input: ArraySlice<UInt8>, limit: Int) {
        self.input = input
        position = input.startIndex
        self.limit = limit
    }

    /// - Parameter limit: more output than this is an error.
    static func inflate(_ input: ArraySlice<UInt8>, limit: Int) throws(ArchiveError) -> [UInt8] {
        var state = Inflate(input, limit: limit)
        var isLast = false
        while !isLast {
            isLast = try state.bits(1) == 1
            switch try state.bits(2) {
            case 0: try state.stored()
            case 1: try state.block(literals: fixedLiterals, distances: fixedDistances)
            case 2:
                let (literals, distances) = try state.dynamicCodes()
                try state.block(literals: literals, distances: distances)
            default: throw .malformed("unknown deflate block")
            }
        }
        return state.output
    }

    /// Decompresses the first member of a gzip file (RFC 1952).
    static func gunzip(_ bytes: [UInt8], limit: Int) throws(ArchiveError) -> [UInt8] {
        guard bytes.count >= 18, bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8 else {
            throw .malformed("not gzip data")
        }
        let flags = bytes[3]
        var start = 10
        if flags & 4 != 0 {
            guard start + 2 <= bytes.count else { throw .malformed("truncated gzip header") }
            start += 2 + Int(bytes[start]) + Int(bytes[start + 1]) << 8
        }
        for flag in [UInt8(8), 16] where flags & flag != 0 {
            guard start < bytes.count, let end = bytes[start...].firstIndex(of: 0) else {
                throw .malformed("truncated gzip header")
            }
            start = end + 1
        }
        if flags & 2 != 0 { start += 2 }
        guard start < bytes.count else { throw .malformed("truncated gzip header") }
        return try inflate(bytes[start...], limit: limit)
    }

    private mutating func bits(_ count: Int) throws(ArchiveError) -> Int {
        while bitCount < count {
            guard position < input.endIndex else { throw .malformed("truncated deflate data") }
            bitBuffer |= UInt32(input[position]) << UInt32(bitCount)
            bitCount += 8
            position += 1
        }
        let value = bitBuffer & (1 << UInt32(count) - 1)
        bitBuffer >>= UInt32(count)
        bitCount -= count
        return Int(value)
    }

    private mutating func stored() throws(ArchiveError) {
        bitBuffer = 0
        bitCount = 0
        guard input.endIndex - position >= 4 else { throw .malformed("truncated deflate data") }
        let length = Int(input[position]) | Int(input[position + 1]) << 8
        let check = Int(input[position + 2]) | Int(input[position + 3]) << 8
        position += 4
        guard length == check ^ 0xFFFF else { throw .malformed("broken stored block") }
        guard input.endIndex - position >= length else { throw .malformed("truncated deflate data") }
        guard output.count + length <= limit else { throw .tooLarge }
        output.append(contentsOf: input[position..<position + length])
        position += length
    }

    private mutating func block(literals: HuffmanCode, distances: HuffmanCode) throws(ArchiveError) {
        while true {
            let symbol = try symbol(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                guard output.count < limit else { throw .tooLarge }
                output.append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengths.count else { throw .malformed("unknown deflate length") }
            let length = Self.lengths[symbol - 257].base + (try bits(Self.lengths[symbol - 257].extra))
            let code = try self.symbol(distances)
            guard code < Self.distances.count else { throw .malformed("unknown deflate distance") }
            let distance = Self.distances[code].base + (try bits(Self.distances[code].extra))
            guard distance <= output.count else { throw .malformed("deflate distance before the start") }
            guard output.count + length <= limit else { throw .tooLarge }
            for _ in 0..<length { output.append(output[output.count - distance]) }
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
