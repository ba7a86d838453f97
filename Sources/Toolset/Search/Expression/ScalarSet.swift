/// A set of Unicode scalars as sorted ranges that neither touch nor overlap.
struct ScalarSet: Equatable {
    static let last: UInt32 = 0x10FFFF

    static let digits = ScalarSet([0x30...0x39])
    static let space = ScalarSet([0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x2000...0x200A, 0x3000...0x3000])
    /// ASCII letters, digits and the underscore; beyond ASCII everything but the blocks of punctuation and symbols.
    static let word = ScalarSet([
        0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A, 0xAA...0xAA, 0xB5...0xB5, 0xBA...0xBA, 0xC0...0xD6,
        0xD8...0xF6, 0xF8...0x1FFF, 0x2C00...0x2DFF, 0x3005...0xDFFF, 0xF900...0xFDFF, 0xFE70...0xFEFE, 0xFF10...0xFF19,
        0xFF21...0xFF3A, 0xFF41...0xFF5A, 0xFF66...0xFFDC, 0x10000...0x1CFFF, 0x1E000...0x1EFFF, 0x20000...0x3FFFF,
    ])

    private(set) var ranges: [ClosedRange<UInt32>]

    init(_ ranges: [ClosedRange<UInt32>] = []) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let previous = self.ranges.last, range.lowerBound <= previous.upperBound &+ 1 {
                let upper = max(previous.upperBound, range.upperBound)
                self.ranges[self.ranges.count - 1] = previous.lowerBound...upper
            } else {
                self.ranges.append(range)
            }
        }
    }

    init(_ scalar: Unicode.Scalar) {
        ranges = [scalar.value...scalar.value]
    }

    /// One of the POSIX names such as `alpha`, or nil.
    init?(named name: String) {
        switch name {
        case "alpha": self.init([0x41...0x5A, 0x61...0x7A])
        case "digit": self = .digits
        case "alnum": self.init([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "upper": self.init([0x41...0x5A])
        case "lower": self.init([0x61...0x7A])
        case "space": self = .space
        case "blank": self.init([0x09...0x09, 0x20...0x20])
        case "punct": self.init([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "print": self.init([0x20...0x7E])
        case "graph": self.init([0x21...0x7E])
        case "cntrl": self.init([0x00...0x1F, 0x7F...0x7F])
        case "xdigit": self.init([0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "word": self = .word
        default: return nil
        }
    }

    func union(_ other: ScalarSet) -> ScalarSet {
        ScalarSet(ranges + other.ranges)
    }

    var inverted: ScalarSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.last { gaps.append(next...Self.last) }
        return ScalarSet(gaps)
    }

    /// With the other case of every letter. Long ranges beyond ASCII hold both cases already.
    var ignoringCase: ScalarSet {
        var more = ranges
        for range in ranges {
            let isShort = range.upperBound - range.lowerBound < 1024
            for value in isShort ? range : range.clamped(to: 0...0x7F) where value <= range.upperBound {
                guard let properties = Unicode.Scalar(value)?.properties else { continue }
                for mapped in [properties.lowercaseMapping, properties.uppercaseMapping] {
                    let scalars = mapped.unicodeScalars
                    if scalars.count == 1, let only = scalars.first { more.append(only.value...only.value) }
                }
            }
        }
        return ScalarSet(more)
    }
}
