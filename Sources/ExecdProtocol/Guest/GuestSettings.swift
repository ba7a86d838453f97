/// What makes a booted machine the sandbox of one session.
package struct GuestSettings: Equatable, Sendable {
    /// What every later message on the port begins with. Programs inside never see it.
    package var token: [UInt8]
    /// Processes and threads of the programs' user.
    package var processes: UInt32
    /// Bytes of one tool result before it spills into a file.
    package var outputLimit: UInt32
    /// The local port of the way out; zero when there is none.
    package var proxyPort: UInt16
    /// `NAME=VALUE`, all that programs find.
    package var environment: [String]

    package static let maximumVariables: UInt32 = 4096

    package init(
        token: [UInt8], processes: UInt32, outputLimit: UInt32, proxyPort: UInt16, environment: [String]
    ) {
        self.token = token
        self.processes = processes
        self.outputLimit = outputLimit
        self.proxyPort = proxyPort
        self.environment = environment
    }

    init(from reader: inout FieldReader) throws(ProtocolError) {
        token = try reader.field()
        guard token.count == GuestRequest.tokenLength else { throw .invalidField("token") }
        processes = try reader.uint32()
        outputLimit = try reader.uint32()
        proxyPort = try reader.uint16()
        environment = []
        let count = try reader.uint32()
        guard count <= Self.maximumVariables else { throw .invalidField("environment") }
        for _ in 0..<count {
            let entry = try reader.text("environment")
            guard entry.contains("="), !entry.utf8.contains(0) else { throw .invalidField("environment") }
            environment.append(entry)
        }
    }

    func append(to writer: inout FieldWriter) {
        writer.put(token)
        writer.put(processes)
        writer.put(outputLimit)
        writer.put(proxyPort)
        writer.put(UInt32(environment.count))
        for entry in environment { writer.put(entry) }
    }
}
