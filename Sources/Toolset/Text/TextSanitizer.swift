/// Turns a program's output into clean UTF-8, piece by piece: terminal escapes and control characters go, broken UTF-8
/// becomes U+FFFD. Tab, line feed and carriage return stay.
package struct TextSanitizer {
    private enum State {
        case text
        case escape
        /// ESC and intermediate bytes: one final byte follows.
        case intermediate
        case control(length: Int)
        /// An operating system command or another string, up to BEL or ESC `\`.
        case string(length: Int)
        case stringEscape(length: Int)
    }

    /// Longer escape sequences are taken for text that only looked like one.
    private static let longestControl = 64
    private static let longestString = 4096

    private var state = State.text
    private var pending: [UInt8] = []
    private var missing = 0
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    package init() {}

    package mutating func clean(_ input: [UInt8], into output: inout [UInt8]) {
        output.reserveCapacity(output.count + input.count)
        for byte in input { take(byte, &output) }
    }

    /// Ends the text: an unfinished character is broken.
    package mutating func finish(into output: inout [UInt8]) {
        breakCharacter(&output)
        state = .text
    }

    private mutating func take(_ byte: UInt8, _ output: inout [UInt8]) {
        switch state {
        case .text: takeText(byte, &output)
        case .escape:
            switch byte {
            case UInt8(ascii: "["): state = .control(length: 0)
            case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
                state = .string(length: 0)
            case 0x20...0x2F: state = .intermediate
            case 0x30...0x7E: state = .text
            default: leaveEscape(byte, &output)
            }
        case .intermediate:
            switch byte {
            case 0x20...0x2F: return
            case 0x30...0x7E: state = .text
            default: leaveEscape(byte, &output)
            }
        case .control(let length):
            switch byte {
            case 0x40...0x7E: state = .text
            case 0x20...0x3F where length < Self.longestControl: state = .control(length: length + 1)
            default: leaveEscape(byte, &output)
            }
        case .string(let length):
            if byte == 0x07 || length >= Self.longestString {
                state = .text
            } else {
                state = byte == 0x1B ? .stringEscape(length: length) : .string(length: length + 1)
            }
        case .stringEscape(let length):
            if byte == UInt8(ascii: "\\") {
                state = .text
            } else {
                state = .string(length: length + 1)
            }
        }
    }

    private mutating func leaveEscape(_ byte: UInt8, _ output: inout [UInt8]) {
        state = .text
        takeText(byte, &output)
    }

    private mutating func takeText(_ byte: UInt8, _ output: inout [UInt8]) {
        if missing > 0 {
            guard byte >= low, byte <= high else {
                breakCharacter(&output)
                return takeText(byte, &output)
            }
            pending.append(byte)
            missing -= 1
            low = 0x80
            high = 0xBF
            if missing == 0 {
                output.append(contentsOf: pending)
                pending.removeAll(keepingCapacity: true)
            }
            return
        }
        switch byte {
        case 0x1B: state = .escape
        case 0x09, 0x0A, 0x0D, 0x20...0x7E: output.append(byte)
        case 0x00...0x1F, 0x7F: return
        case 0xC2...0xDF: start(byte, missing: 1)
        case 0xE0: start(byte, missing: 2, low: 0xA0)
        case 0xED: start(byte, missing: 2, high: 0x9F)
        case 0xE1...0xEF: start(byte, missing: 2)
        case 0xF0: start(byte, missing: 3, low: 0x90)
        case 0xF4: start(byte, missing: 3, high: 0x8F)
        case 0xF1...0xF3: start(byte, missing: 3)
        default: Self.putReplacement(&output)
        }
    }

    private mutating func start(_ byte: UInt8, missing: Int, low: UInt8 = 0x80, high: UInt8 = 0xBF) {
        pending.append(byte)
        self.missing = missing
        self.low = low
        self.high = high
    }

    private mutating func breakCharacter(_ output: inout [UInt8]) {
        guard missing > 0 else { return }
        missing = 0
        pending.removeAll(keepingCapacity: true)
        Self.putReplacement(&output)
    }

    private static func putReplacement(_ output: inout [UInt8]) {
        output.append(contentsOf: [0xEF, 0xBF, 0xBD])
    }
}
