/// What execd sends to the worker.
package enum ExecdMessage: PeerMessage, Equatable {
    case helloAck(HelloAck)
    case ping(UInt64)
    case pong(UInt64)
    case fault(Fault)
    case callAccepted(CallAcceptance)
    case output([UInt8])
    case result(CallResult)
    /// A nil result: the call has not settled yet.
    case journalEntry(id: String, result: CallResult?)
    case journalEnd
    case putDone
    case open
    case opened
    case data([UInt8])
    case window(UInt32)
    case end
    case reset(ResetReason)
    case exited(Int32)
    case configured

    package var kind: FrameKind {
        switch self {
        case .helloAck: .helloAck
        case .ping: .ping
        case .pong: .pong
        case .fault: .fault
        case .callAccepted: .callAccepted
        case .output: .output
        case .result: .result
        case .journalEntry: .journalEntry
        case .journalEnd: .journalEnd
        case .putDone: .putDone
        case .open: .open
        case .opened: .opened
        case .data: .data
        case .window: .window
        case .end: .end
        case .reset: .reset
        case .exited: .exited
        case .configured: .configured
        }
    }

    package init(kind: FrameKind, payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = FieldReader(payload)
        switch kind {
        case .helloAck: self = .helloAck(try HelloAck(from: &reader))
        case .ping: self = .ping(try reader.uint64())
        case .pong: self = .pong(try reader.uint64())
        case .fault:
            guard let code = Fault.Code(rawValue: try reader.byte()) else { throw .invalidField("code") }
            self = .fault(Fault(code, try reader.text("message", limit: 64 << 10)))
        case .callAccepted:
            guard let acceptance = CallAcceptance(rawValue: try reader.byte()) else { throw .invalidField("state") }
            self = .callAccepted(acceptance)
        case .output: self = .output(reader.rest())
        case .result: self = .result(try CallResult(from: &reader))
        case .journalEntry:
            let id = try reader.text("id", limit: ProtocolLimits.maxCallID)
            let isSettled = try reader.bool("state")
            self = .journalEntry(id: id, result: isSettled ? try CallResult(from: &reader) : nil)
        case .journalEnd: self = .journalEnd
        case .putDone: self = .putDone
        case .open: self = .open
        case .opened: self = .opened
        case .data: self = .data(reader.rest())
        case .window: self = .window(try reader.uint32())
        case .end: self = .end
        case .reset: self = .reset(ResetReason(rawValue: try reader.byte()) ?? .unspecified)
        case .exited: self = .exited(Int32(bitPattern: try reader.uint32()))
        case .configured: self = .configured
        case .hello, .shutdown, .call, .cancel, .journalRequest, .putBegin, .putData, .putEnd, .openPort, .openShell,
            .resize, .configure:
            throw .wrongDirection(kind)
        }
        try reader.finish()
    }

    package func appendPayload(to writer: inout FieldWriter) {
        switch self {
        case .helloAck(let ack): ack.append(to: &writer)
        case .ping(let value), .pong(let value): writer.put(value)
        case .fault(let fault):
            writer.put(fault.code.rawValue)
            writer.put(fault.message)
        case .callAccepted(let acceptance): writer.put(acceptance.rawValue)
        case .output(let bytes), .data(let bytes): writer.putRest(bytes)
        case .result(let result): result.append(to: &writer)
        case .journalEntry(let id, let result):
            writer.put(id)
            writer.put(result != nil)
            result?.append(to: &writer)
        case .window(let credit): writer.put(credit)
        case .reset(let reason): writer.put(reason.rawValue)
        case .exited(let code): writer.put(UInt32(bitPattern: code))
        case .journalEnd, .putDone, .open, .opened, .end, .configured: break
        }
    }
}
