internal import Wire

/// One line of QEMU's control protocol (docs/interop/qmp-spec). Total: any bytes give a value or nil.
enum QMPReply: Equatable {
    case greeting
    case result(JSON)
    case failure(String)
    case event(String)

    init?(parsing line: some Collection<UInt8>) {
        guard let value = try? JSON(parsing: line, maximumDepth: 32), let object = value.objectValue else { return nil }
        if object["QMP"] != nil {
            self = .greeting
        } else if let result = object["return"] {
            self = .result(result)
        } else if let error = object["error"] {
            self = .failure(String((error["desc"]?.stringValue ?? "an error without a description").prefix(400)))
        } else if let event = object["event"]?.stringValue {
            self = .event(event)
        } else {
            return nil
        }
    }
}
