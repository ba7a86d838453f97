/// The gate's answer to a `CONNECT` that a program did not send itself, and must not see. Pure.
package struct TunnelReply: Sendable {
    package enum Outcome: Equatable, Sendable {
        case more
        /// What followed the answer.
        case open([UInt8])
        /// The whole of what came, for a program that speaks HTTP.
        case refused([UInt8])
    }
    private static let maximumHead = 8192
    private var head: [UInt8] = []

    package init() {}

    package static func request(to name: String, port: UInt16) -> [UInt8] {
        Array("CONNECT \(name):\(port) HTTP/1.1\r\nHost: \(name):\(port)\r\n\r\n".utf8)
    }

    package mutating func take(_ bytes: [UInt8]) -> Outcome {
        let searched = max(0, head.count - 3)
        head += bytes
        var index = searched
        while index + 3 < head.count {
            if head[index] == 13, head[index + 1] == 10, head[index + 2] == 13, head[index + 3] == 10 {
                let isOpen = head.starts(with: Array("HTTP/1.1 200 ".utf8))
                return isOpen ? .open(Array(head[(index + 4)...])) : .refused(head)
            }
            index += 1
        }
        return head.count > Self.maximumHead ? .refused(head) : .more
    }
}
