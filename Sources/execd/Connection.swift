internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// One byte stream to a worker, with what is still to be sent on it.
final class Connection {
    /// Above this, nothing is read from the connection, from TCP streams or from tools on its behalf.
    static let busyMark = 1 << 20
    /// Replies are encoded while less than this waits.
    static let replyMark = 4 << 20

    let socket: Descriptor
    var hasGreeted = false
    var wantsProgress = false
    /// Flush what is there, then close.
    var isClosing = false
    private(set) var isBroken = false

    /// Streams that wait for a call's result.
    var waiters: [String: [UInt32]] = [:]
    /// Results to send, oldest first, and journals being sent: encoded only when there is room.
    var deliveries: [(stream: UInt32, id: String)] = []
    var replays: [(stream: UInt32, ids: ArraySlice<String>)] = []
    var puts: [UInt32: IncomingFile] = [:]

    private var decoder = MessageDecoder<WorkerMessage>()
    private var outbound: [UInt8] = []
    private var sent = 0
    /// What must come before everything else; nil once it has come.
    private var token: ConnectionToken?

    init(socket: Descriptor, token: ConnectionToken?) {
        self.socket = socket
        self.token = token
    }

    /// Bytes that wait to be sent.
    var backlog: Int { outbound.count - sent }
    var isBusy: Bool { backlog > Self.busyMark }
    /// Whether it is over: nothing more can or shall be said.
    var isDone: Bool { isBroken || (isClosing && backlog == 0) }

    func send(_ message: ExecdMessage, on stream: UInt32 = 0) {
        guard !isClosing else { return }
        message.encode(on: stream, into: &outbound)
    }

    /// Says why, then closes.
    func fail(_ fault: Fault) {
        send(.fault(fault))
        isClosing = true
    }

    func flush() {
        while backlog > 0, !isBroken {
            let count = outbound.withUnsafeBytes { buffer in
                write(socket.raw, UnsafeRawBufferPointer(rebasing: buffer[sent...]).baseAddress, backlog)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { isBroken = true }
                break
            }
            sent += count
        }
        if backlog == 0 {
            outbound.removeAll(keepingCapacity: outbound.capacity <= 1 << 20)
            sent = 0
        } else if sent > 1 << 20 {
            outbound.removeFirst(sent)
            sent = 0
        }
    }

    /// The bytes after the token; nil while it has not come whole. A wrong one breaks the connection without a word.
    private func admitted(_ bytes: [UInt8]) -> [UInt8]? {
        guard token != nil else { return bytes }
        switch token?.take(bytes) {
        case .accepted(let rest)?:
            token = nil
            return rest
        case .more?: return nil
        case .refused?, nil:
            isBroken = true
            return nil
        }
    }

    /// Reads once and hands over the whole messages; the handler may close the connection in between.
    func receive(_ handle: (UInt32, WorkerMessage) -> Void) {
        do {
            let bytes = try socket.read(upTo: 256 << 10)
            guard !bytes.isEmpty else {
                isBroken = true
                return
            }
            guard let message = admitted(bytes) else { return }
            decoder.feed(message)
            while !isClosing, let (stream, message) = try decoder.next() { handle(stream, message) }
        } catch let error as ProtocolError {
            fail(Fault(.violation, "bytes that the protocol does not allow: \(error)"))
        } catch {
            if (error as? SystemFailure)?.code != EAGAIN { isBroken = true }
        }
    }
}
