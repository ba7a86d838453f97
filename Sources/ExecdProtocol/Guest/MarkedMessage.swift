/// Finds a message in a byte stream that has no connections: a marker that nobody else can know, a u32 length, a payload.
///
/// A port of a virtual machine is one endless stream. Whoever comes to it anew cannot tell what is left of those before; the
/// marker, secret or random, is where its own part begins.
package struct MarkedMessage {
    package enum Event: Equatable {
        /// Bytes that belong to whatever came before the marker. They may end in a part of it.
        case stray([UInt8])
        case payload([UInt8])
        /// A length beyond all sense.
        case tooLong(UInt32)
    }

    package static let maximumPayload: UInt32 = 1 << 20
    private static let header = 4

    private let marker: [UInt8]
    /// The last bytes before what comes next, which may be the beginning of the marker.
    private var tail: [UInt8] = []
    /// What came after the marker; nil while it has not been found.
    private var body: [UInt8]?

    package init(marker: [UInt8]) { self.marker = marker }

    package static func encode(marker: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var writer = FieldWriter(appendingTo: marker)
        writer.put(payload)
        return writer.bytes
    }

    /// Takes what was read and says what it means, in order.
    /// - Parameter rest: what follows a whole message; it has not been looked at.
    package mutating func feed(_ bytes: [UInt8], rest: inout [UInt8]) -> [Event] {
        rest = []
        guard body == nil else { return bodyEvents(bytes, &rest) }
        let text = tail + bytes
        guard let place = Self.find(marker, in: text) else {
            tail = Array(text.suffix(marker.count - 1))
            return bytes.isEmpty ? [] : [.stray(bytes)]
        }
        let stray = text[..<place].dropFirst(tail.count)
        tail = []
        body = []
        return (stray.isEmpty ? [] : [.stray(Array(stray))])
            + bodyEvents(Array(text[(place + marker.count)...]), &rest)
    }

    private mutating func bodyEvents(_ bytes: [UInt8], _ rest: inout [UInt8]) -> [Event] {
        let text = (body ?? []) + bytes
        guard text.count >= Self.header else {
            body = text
            return []
        }
        let length = text[..<Self.header].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard length <= Self.maximumPayload else {
            body = nil
            return [.tooLong(length)]
        }
        let end = Self.header + Int(length)
        guard text.count >= end else {
            body = text
            return []
        }
        body = nil
        rest = Array(text[end...])
        return [.payload(Array(text[Self.header..<end]))]
    }

    private static func find(_ marker: [UInt8], in text: [UInt8]) -> Int? {
        guard let first = marker.first, text.count >= marker.count else { return nil }
        var place = 0
        while let candidate = text[place...(text.count - marker.count)].firstIndex(of: first) {
            if text[candidate..<candidate + marker.count].elementsEqual(marker) { return candidate }
            place = candidate + 1
            if place > text.count - marker.count { return nil }
        }
        return nil
    }
}
