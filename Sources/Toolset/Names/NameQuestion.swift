/// One question of the domain name system (RFC 1035), hostile until parsed here.
package struct NameQuestion: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// An IPv4 address.
        case address
        case other
    }
    package enum Failure: Error, Equatable {
        /// Nothing can be answered to it.
        case unreadable
        /// It is a message to answer with this code.
        case refused(NameAnswer.Code, id: UInt16)
    }

    /// Messages longer than this are not questions.
    package static let maximumMessage = 4096
    private static let maximumName = 253

    package var id: UInt16
    /// Whether the bit "recursion desired" was set, which an answer repeats.
    package var wantsRecursion: Bool
    package var kind: Kind
    /// In lower case, without the final dot.
    package var name: String
    /// The question's own bytes, which an answer repeats.
    package var section: [UInt8]

    package init(parsing message: [UInt8]) throws(Failure) {
        guard message.count >= 12, message.count <= Self.maximumMessage else { throw .unreadable }
        func number(_ index: Int) -> UInt16 { UInt16(message[index]) << 8 | UInt16(message[index + 1]) }
        id = number(0)
        let flags = number(2)
        // An answer is nothing to be answered.
        guard flags & 0x8000 == 0 else { throw .unreadable }
        guard flags & 0x7800 == 0 else { throw .refused(.notImplemented, id: id) }
        guard number(4) == 1 else { throw .refused(.malformed, id: id) }
        wantsRecursion = flags & 0x0100 != 0
        var labels: [String] = []
        var index = 12
        while true {
            guard index < message.count else { throw .refused(.malformed, id: id) }
            let length = Int(message[index])
            index += 1
            if length == 0 { break }
            // Longer ones are pointers, which a question has no use for.
            guard length <= 63, index + length <= message.count else { throw .refused(.malformed, id: id) }
            let label = message[index..<(index + length)]
            guard label.allSatisfy(Self.isPlain) else { throw .refused(.refused, id: id) }
            labels.append(String(decoding: label, as: UTF8.self).lowercased())
            index += length
        }
        guard index + 4 <= message.count else { throw .refused(.malformed, id: id) }
        name = labels.joined(separator: ".")
        guard (1...Self.maximumName).contains(name.utf8.count), number(index + 2) == 1 else {
            throw .refused(.refused, id: id)
        }
        kind = number(index) == 1 ? .address : .other
        section = Array(message[12..<(index + 4)])
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
