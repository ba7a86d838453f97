internal import Glibc
internal import Toolset

/// Programs that ask for names over TCP (RFC 1035 §4.2.2): few, for answers here are never too long for a datagram.
struct NameClients {
    private struct Client {
        var socket: Descriptor
        var inbound: [UInt8] = []
        /// Answers that the program does not take make its connection end.
        var outbound: [UInt8] = []
        var use: UInt64
    }
    private static let maximumClients = 8
    private static let maximumOutbound = 16 << 10
    private static let maximumInbound = 2 + NameQuestion.maximumMessage

    private var clients: [Int: Client] = [:]
    private var uses: UInt64 = 0

    var watched: [(number: Int, entry: pollfd)] {
        clients.map { number, client in
            let events = client.outbound.isEmpty ? POLLIN : POLLIN | POLLOUT
            return (number, pollfd(fd: client.socket.raw, events: Int16(events), revents: 0))
        }
    }

    /// Takes the place of the one that said nothing for the longest time, when there are too many.
    mutating func add(_ socket: Descriptor) {
        if clients.count >= Self.maximumClients, let oldest = clients.min(by: { $0.value.use < $1.value.use }) {
            clients[oldest.key] = nil
        }
        uses += 1
        clients[Int(uses)] = Client(socket: socket, use: uses)
    }

    /// - Returns: the messages that have come whole.
    mutating func isReady(_ number: Int) -> [[UInt8]] {
        guard var client = clients[number] else { return [] }
        uses += 1
        client.use = uses
        clients[number] = client
        flush(number)
        guard clients[number] != nil else { return [] }
        do throws(SystemFailure) {
            let bytes = try client.socket.read(upTo: Self.maximumInbound)
            guard !bytes.isEmpty else {
                clients[number] = nil
                return []
            }
            client.inbound = (clients[number]?.inbound ?? []) + bytes
        } catch {
            if error.code != EAGAIN { clients[number] = nil }
            return []
        }
        var messages: [[UInt8]] = []
        while client.inbound.count >= 2 {
            let length = Int(client.inbound[0]) << 8 | Int(client.inbound[1])
            guard length <= NameQuestion.maximumMessage else {
                clients[number] = nil
                return messages
            }
            guard client.inbound.count >= 2 + length else { break }
            messages.append(Array(client.inbound[2..<(2 + length)]))
            client.inbound.removeFirst(2 + length)
        }
        clients[number]?.inbound = client.inbound
        return messages
    }

    mutating func send(_ message: [UInt8], to number: Int) {
        guard let client = clients[number] else { return }
        guard client.outbound.count + message.count <= Self.maximumOutbound else {
            clients[number] = nil
            return
        }
        clients[number]?.outbound += [UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message
        flush(number)
    }

    private mutating func flush(_ number: Int) {
        guard let client = clients[number], !client.outbound.isEmpty else { return }
        let count = client.outbound.withUnsafeBytes {
            Glibc.send(client.socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count >= 0 {
            clients[number]?.outbound.removeFirst(count)
        } else if errno != EAGAIN, errno != EINTR {
            clients[number] = nil
        }
    }
}
