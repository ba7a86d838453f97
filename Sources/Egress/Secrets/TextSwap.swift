/// Replaces texts in a stream of bytes, also where they lie across two pieces.
struct TextSwap: Sendable {
    private let pairs: [(from: [UInt8], to: [UInt8])]
    private let longest: Int
    /// Starts of possible matches that the next piece decides over.
    private var held: [UInt8] = []
    private(set) var hasSwapped = false

    init(_ pairs: [(from: [UInt8], to: [UInt8])]) {
        self.pairs = pairs.filter { !$0.from.isEmpty }
        longest = pairs.map(\.from.count).max() ?? 0
    }

    /// What can be passed on now. Costs the length of the piece times the number of texts at worst.
    mutating func take(_ piece: some Collection<UInt8>) -> [UInt8] {
        held += piece
        return drain(isEnd: false)
    }

    /// What is left when nothing more comes.
    mutating func finish() -> [UInt8] { drain(isEnd: true) }

    /// A whole text at once.
    static func swap(_ bytes: [UInt8], _ pairs: [(from: [UInt8], to: [UInt8])]) -> [UInt8] {
        var swap = TextSwap(pairs)
        return swap.take(bytes) + swap.finish()
    }

    private mutating func drain(isEnd: Bool) -> [UInt8] {
        var passed: [UInt8] = []
        passed.reserveCapacity(held.count)
        var index = 0
        scan: while index < held.count {
            let left = held.count - index
            if !isEnd, left < longest { break }
            for pair in pairs where left >= pair.from.count && held[index] == pair.from[0] {
                guard held[index..<(index + pair.from.count)].elementsEqual(pair.from) else { continue }
                passed += pair.to
                index += pair.from.count
                hasSwapped = true
                continue scan
            }
            passed.append(held[index])
            index += 1
        }
        held.removeFirst(index)
        return passed
    }
}
