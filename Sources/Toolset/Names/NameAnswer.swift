/// What is answered to a question for a name.
package enum NameAnswer: Equatable, Sendable {
    /// Response codes (RFC 1035 §4.1.1).
    package enum Code: UInt16, Sendable {
        case success, malformed, failed, unknown, notImplemented, refused
    }
    /// An address below 127.0.0.0/8, in host byte order.
    case address(UInt32)
    /// The name exists and has nothing of the kind.
    case nothing
    case failure(Code)

    /// Programs ask again after it: the rules may have changed.
    private static let secondsToLive: UInt32 = 5

    package func message(to question: NameQuestion) -> [UInt8] {
        let code: Code = if case .failure(let code) = self { code } else { .success }
        let address: UInt32? = if case .address(let address) = self { address } else { nil }
        var bytes = Self.head(question.id, code, wantsRecursion: question.wantsRecursion, questions: 1)
        bytes[7] = address == nil ? 0 : 1
        bytes += question.section
        if let address {
            // A pointer to the question's name, then type and class.
            bytes += [0xC0, 12, 0, 1, 0, 1]
            withUnsafeBytes(of: Self.secondsToLive.bigEndian) { bytes += $0 }
            bytes += [0, 4]
            withUnsafeBytes(of: address.bigEndian) { bytes += $0 }
        }
        return bytes
    }

    /// To what cannot be read as a question.
    package static func message(to id: UInt16, _ code: Code) -> [UInt8] {
        head(id, code, wantsRecursion: false, questions: 0)
    }

    private static func head(_ id: UInt16, _ code: Code, wantsRecursion: Bool, questions: UInt8) -> [UInt8] {
        let flags = 0x8080 | (wantsRecursion ? 0x0100 : 0) | code.rawValue
        return [
            UInt8(id >> 8), UInt8(id & 0xFF), UInt8(flags >> 8), UInt8(flags & 0xFF), 0, questions, 0, 0, 0, 0, 0, 0,
        ]
    }
}
