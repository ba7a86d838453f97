internal import ExecdProtocol
internal import NIOCore

/// One TCP stream from inside: what may still be sent and received. Knows no lock or connection.
struct StreamMachine {
    enum Taken: Equatable {
        /// Bytes for the reader, and the credit to grant the daemon for them.
        case bytes([UInt8], grant: Int)
        case end, broken, wait
    }
    enum Reserved: Equatable {
        /// So many bytes may be sent now.
        case count(Int)
        case broken, wait
    }

    static let windowStep = ProtocolLimits.initialWindow / 4
    static let pieceSize = 64 << 10
    private static let maximumCredit = 1 << 30

    private var received = ByteBuffer()
    /// Bytes that the daemon may still send.
    private var allowance = ProtocolLimits.initialWindow
    /// Bytes taken by the reader and not granted again yet.
    private var returned = 0
    /// Bytes that may still be sent to the daemon.
    private var credit = ProtocolLimits.initialWindow
    private var hasEnded = false
    private var hasFinished = false
    private(set) var isBroken = false

    /// Both directions ended in order.
    var isOver: Bool { hasEnded && hasFinished }
    var canRead: Bool { isBroken || hasEnded || received.readableBytes > 0 }
    var canWrite: Bool { isBroken || hasFinished || credit > 0 }

    /// - Returns: false when the daemon sent more than it was allowed to.
    mutating func receive(_ bytes: [UInt8]) -> Bool {
        guard !isBroken else { return true }
        guard !hasEnded, bytes.count <= allowance else { return false }
        allowance -= bytes.count
        received.writeBytes(bytes)
        return true
    }

    /// - Returns: false when the credit goes beyond all sense.
    mutating func grant(_ bytes: UInt32) -> Bool {
        credit += Int(bytes)
        return credit <= Self.maximumCredit
    }

    /// - Returns: false when it had ended already.
    mutating func end() -> Bool {
        defer { hasEnded = true }
        return !hasEnded
    }

    mutating func take() -> Taken {
        guard !isBroken else { return .broken }
        guard let bytes = received.readBytes(length: min(received.readableBytes, Self.pieceSize)), !bytes.isEmpty else {
            return hasEnded ? .end : .wait
        }
        if received.readableBytes == 0 {
            received.clear(minimumCapacity: 0)
        } else {
            received.discardReadBytes()
        }
        returned += bytes.count
        guard !hasEnded, returned >= Self.windowStep || received.readableBytes == 0 else {
            return .bytes(bytes, grant: 0)
        }
        defer { returned = 0 }
        allowance += returned
        return .bytes(bytes, grant: returned)
    }

    mutating func reserve(_ count: Int) -> Reserved {
        guard !isBroken, !hasFinished else { return .broken }
        let step = min(count, credit, Self.pieceSize)
        guard step > 0 else { return .wait }
        credit -= step
        return .count(step)
    }

    /// - Returns: whether the daemon is to be told.
    mutating func finish() -> Bool {
        guard !isBroken, !hasFinished else { return false }
        hasFinished = true
        return true
    }

    /// - Returns: whether the daemon is to be told.
    mutating func reset() -> Bool {
        guard !isBroken else { return false }
        isBroken = true
        received.clear(minimumCapacity: 0)
        return !isOver
    }
}
