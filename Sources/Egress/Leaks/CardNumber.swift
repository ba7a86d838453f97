/// Numbers of payment cards: 13 to 19 digits, alone or in groups that single blanks or hyphens part, with a right check digit
/// (ISO/IEC 7812). Pure, in linear time.
enum CardNumber {
    private static let counts = 13...19

    /// - Parameter before: the byte in front of the first one.
    static func places(in bytes: [UInt8], before: UInt8?) -> [Range<Int>] {
        var places: [Range<Int>] = []
        var index = 0
        var front = before
        while index < bytes.count {
            let isStart = LeakShape.isDigit(bytes[index]) && !(front.map(LeakShape.isAlphanumeric) ?? false)
            let end = isStart ? end(of: bytes, from: index) : nil
            if let end { places.append(index..<end) }
            let next = end ?? index + 1
            front = bytes[next - 1]
            index = next
        }
        return places
    }

    /// Where the longest number ends that begins here. Other numbers may stand behind it: each group can be its last one.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        guard (UInt8(ascii: "3")...UInt8(ascii: "6")).contains(bytes[start]) else { return nil }
        var digits: [Int] = []
        var found: Int?
        var index = start
        while index < bytes.count, digits.count < counts.upperBound {
            if LeakShape.isDigit(bytes[index]) {
                digits.append(Int(bytes[index]) - 0x30)
                index += 1
                let isEnd = index == bytes.count || !LeakShape.isAlphanumeric(bytes[index])
                if isEnd, counts.contains(digits.count), isRight(digits) { found = index }
            } else if bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "-"), index + 1 < bytes.count,
                LeakShape.isDigit(bytes[index + 1])
            {
                index += 1
            } else {
                break
            }
        }
        return found
    }

    private static func isRight(_ digits: [Int]) -> Bool {
        let sum = digits.reversed().enumerated().reduce(0) { sum, entry in
            let doubled = entry.element * 2
            return sum + (entry.offset % 2 == 0 ? entry.element : doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }
}
