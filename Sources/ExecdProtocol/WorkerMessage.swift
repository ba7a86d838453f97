/// What the worker sends to execd.
package enum WorkerMessage: PeerMessage, Equatable {
    case hello(version: UInt16, wantsProgress: Bool)
    case ping(UInt64)
    case pong(UInt64)
    case shutdown
    case call(id: String, input: CallInput)
    case cancel(id: String)
    case journalRequest
    case putBegin(path: String, mode: UInt16)
    case putData([UInt8])
    case putEnd
    case openPort(UInt16)
    case data([UInt8])
    case window(UInt32)
    case end
    case reset(ResetReason)
    case openShell(columns: UInt16, rows: UInt16, command: String)
    case resize(columns: UInt16, rows: UInt16)
    case configure(Configuration)

    package var kind: FrameKind {
        switch self {
        case .hello: .hello
        case .ping: .ping
        case .pong: .pong
        case .shutdown: .shutdown
        case .call: .call
        case .cancel: .cancel
        case .journalRequest: .journalRequest
        case .putBegin: .putBegin
        case .putData: .putData
        case .putEnd: .putEnd
        case .openPort: .openPort
        case .data: .data
        case .window: .window
        case .end: .end
        case .reset: .reset
        case .openShell: .openShell
        case .resize: .resize
        case .configure: .configure
        }
    }

    package init(kind: FrameKind, payload: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = FieldReader(payload)
        switch kind {
        case .hello:
            let version = try reader.uint16()
            self = .hello(version: version, wantsProgress: try reader.bool("flags"))
        case .ping: self = .ping(try reader.uint64())
        case .pong: self = .pong(try reader.uint64())
        case .shutdown: self = .shutdown
        case .call:
            let id = try reader.text("id", limit: ProtocolLimits.maxCallID)
            guard !id.isEmpty else { throw .invalidField("id") }
            self = .call(id: id, input: try CallInput(from: &reader))
        case .cancel: self = .cancel(id: try reader.text("id", limit: ProtocolLimits.maxCallID))
        case .journalRequest: self = .journalRequest
        case .putBegin:
            let path = try reader.text("path", limit: 4096)
            self = .putBegin(path: path, mode: try reader.uint16())
        case .putData: self = .putData(reader.rest())
        case .putEnd: self = .putEnd
        case .openPort: self = .openPort(try reader.uint16())
        case .data: self = .data(reader.rest())
        case .window: self = .window(try reader.uint32())
        case .end: self = .end
        case .reset: self = .reset(ResetReason(rawValue: try reader.byte()) ?? .unspecified)
        case .openShell:
            let columns = try reader.uint16()
            let rows = try reader.uint16()
            let command = try reader.text("command", limit: ProtocolLimits.maxShellCommand)
            guard !command.utf8.contains(0) else { throw .invalidField("command") }
            self = .openShell(columns: columns, rows: rows, command: command)
        case .resize:
            let columns = try reader.uint16()
            self = .resize(columns: columns, rows: try reader.uint16())
        case .configure: self = .configure(try Configuration(from: &reader))
        case .helloAck, .fault, .callAccepted, .output, .result, .journalEntry, .journalEnd, .putDone, .open, .opened,
            .exited, .configured:
            throw .wrongDirection(kind)
        }
        try reader.finish()
    }

    package func appendPayload(to writer: inout FieldWriter) {
        switch self {
        case .hello(let version, let wantsProgress):
            writer.put(version)
            writer.put(wantsProgress)
        case .ping(let value), .pong(let value): writer.put(value)
        case .call(let id, let input):
            writer.put(id)
            input.append(to: &writer)
        case .cancel(let id): writer.put(id)
        case .putBegin(let path, let mode):
            writer.put(path)
            writer.put(mode)
        case .putData(let bytes), .data(let bytes): writer.putRest(bytes)
        case .openPort(let port): writer.put(port)
        case .window(let credit): writer.put(credit)
        case .reset(let reason): writer.put(reason.rawValue)
        case .openShell(let columns, let rows, let command):
            writer.put(columns)
            writer.put(rows)
            writer.put(command)
        case .resize(let columns, let rows):
            writer.put(columns)
            writer.put(rows)
        case .configure(let configuration): configuration.append(to: &writer)
        case .shutdown, .journalRequest, .putEnd, .end: break
        }
    }
}
