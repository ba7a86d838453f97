internal import Wire

/// How something known looks: what it starts with, and which characters follow. Pure; looking costs linear time.
struct LeakShape: Sendable {
    private let prefix: [UInt8]
    private let isPart: @Sendable (UInt8) -> Bool
    private let counts: ClosedRange<Int>
    /// A letter or digit in front, or one more behind, makes it something else.
    private let isWord: Bool

    private init(
        _ prefix: String, _ counts: ClosedRange<Int> = 0...0, isWord: Bool = true,
        _ isPart: @escaping @Sendable (UInt8) -> Bool = { _ in false }
    ) {
        self.prefix = Array(prefix.utf8)
        self.counts = counts
        self.isWord = isWord
        self.isPart = isPart
    }

    /// Bytes of the longest that is found, with one on either side.
    static let longest = 288

    /// Empty for what is recognised in another way.
    static func shapes(of kind: LeakKind) -> [LeakShape] {
        switch kind {
        case .privateKey:
            ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "].map {
                LeakShape("-----BEGIN \($0)PRIVATE KEY-----", isWord: false)
            } + [LeakShape("-----BEGIN PGP PRIVATE KEY BLOCK-----", isWord: false)]
        case .awsKey:
            ["AKIA", "ASIA"].map { LeakShape($0, 16...16) { isDigit($0) || isUpper($0) } }
        case .githubToken:
            ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map { LeakShape($0, 36...255) { isAlphanumeric($0) } }
                + [LeakShape("github_pat_", 22...255) { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }]
        case .anthropicKey:
            [
                LeakShape("sk-ant-", 20...255) {
                    isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                }
            ]
        case .creditCard: []
        }
    }

    /// Where it lies in the bytes.
    /// - Parameter before: the byte in front of the first one.
    func places(in bytes: [UInt8], before: UInt8?) -> [Range<Int>] {
        LeakScanner.places(of: prefix, in: bytes).compactMap { place in
            let front = place.lowerBound > 0 ? bytes[place.lowerBound - 1] : before
            if isWord, let front, Self.isAlphanumeric(front) { return nil }
            var end = place.upperBound
            while end < bytes.count, end - place.upperBound < counts.upperBound, isPart(bytes[end]) { end += 1 }
            guard counts.contains(end - place.upperBound) else { return nil }
            if isWord, counts.upperBound > 0, end < bytes.count, isPart(bytes[end]) { return nil }
            return place.lowerBound..<end
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || isUpper(byte) || (0x61...0x7A).contains(byte)
    }
}
