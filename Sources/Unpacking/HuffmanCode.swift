/// A canonical prefix code as deflate uses it (RFC 1951 §3.2.2), decoded bit by bit.
struct HuffmanCode: Sendable {
    /// How many codes there are of each length.
    private var counts = [Int](repeating: 0, count: 16)
    /// Symbols in the order of their codes.
    private var symbols: [Int] = []

    /// Where a decoder stands within one code.
    struct Walk {
        var code = 0
        var first = 0
        var index = 0
        var length = 0
    }

    /// - Throws: ``ArchiveError`` `.malformed` when more codes are claimed than there is room for.
    init(lengths: [UInt8]) throws(ArchiveError) {
        self.init(complete: lengths)
        var left = 1
        for length in 1...15 {
            left = left * 2 - counts[length]
            guard left >= 0 else { throw .malformed("over-subscribed deflate code") }
        }
    }

    /// For lengths that are known to fit; each is from 0 to 15.
    init(complete lengths: [UInt8]) {
        for length in lengths where length > 0 { counts[Int(length)] += 1 }
        symbols = lengths.indices.filter { lengths[$0] > 0 }.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    }

    /// Takes one bit; the symbol when the code is complete.
    func step(_ walk: inout Walk, bit: Int) throws(ArchiveError) -> Int? {
        walk.length += 1
        guard walk.length <= 15 else { throw .malformed("unknown deflate code") }
        walk.code |= bit
        let count = counts[walk.length]
        if walk.code - count < walk.first { return symbols[walk.index + (walk.code - walk.first)] }
        walk.index += count
        walk.first = (walk.first + count) << 1
        walk.code <<= 1
        return nil
    }
}
