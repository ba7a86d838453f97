/// The UTF-8 of a range of scalars as sequences of byte ranges.
enum UTF8Ranges {
    static func patterns(of range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
        var found: [[ClosedRange<UInt8>]] = []
        var pending = [range]
        while let next = pending.popLast() {
            if let parts = split(next) { pending += parts.reversed() } else { found.append(encoded(next)) }
        }
        return found
    }

    /// Parts whose bytes are independent of each other; nil when the range is such a part, empty when nothing is left.
    private static func split(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt32>]? {
        let (low, high) = (range.lowerBound, range.upperBound)
        for limit in [0x7F, 0x7FF, 0xFFFF] as [UInt32] where low <= limit && high > limit {
            return [low...limit, (limit + 1)...high]
        }
        // Surrogates have no UTF-8.
        if low <= 0xDFFF, high >= 0xD800 {
            var parts: [ClosedRange<UInt32>] = []
            if low < 0xD800 { parts.append(low...0xD7FF) }
            if high > 0xDFFF { parts.append(0xE000...high) }
            return parts
        }
        guard high > 0x7F else { return nil }
        let length = high <= 0x7FF ? 2 : high <= 0xFFFF ? 3 : 4
        for index in 1..<length {
            let mask: UInt32 = 1 << (6 * UInt32(index)) - 1
            guard low & ~mask != high & ~mask else { continue }
            if low & mask != 0 { return [low...(low | mask), ((low | mask) + 1)...high] }
            if high & mask != mask { return [low...((high & ~mask) - 1), (high & ~mask)...high] }
        }
        return nil
    }

    private static func encoded(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt8>] {
        zip(bytes(range.lowerBound), bytes(range.upperBound)).map { $0...$1 }
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).map { Array(UTF8.encode($0) ?? UTF8.encodedReplacementCharacter) } ?? []
    }
}
