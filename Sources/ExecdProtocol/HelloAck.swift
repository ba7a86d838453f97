/// What execd says about itself when a connection starts.
package struct HelloAck: Equatable, Sendable {
    package var version: UInt16
    /// Random, the same for the daemon's whole life: tells a re-attachment from a fresh sandbox.
    package var instance: UInt64
    package var workDirectory: String
    /// Bytes of one tool result before it spills into a file.
    package var outputLimit: UInt32
    package var defaultTimeoutMilliseconds: UInt32
    package var maximumTimeoutMilliseconds: UInt32
    /// The local port of the egress proxy; zero when it is off.
    package var proxyPort: UInt16

    package init(
        version: UInt16 = ProtocolLimits.version, instance: UInt64, workDirectory: String, outputLimit: UInt32,
        defaultTimeoutMilliseconds: UInt32, maximumTimeoutMilliseconds: UInt32, proxyPort: UInt16
    ) {
        self.version = version
        self.instance = instance
        self.workDirectory = workDirectory
        self.outputLimit = outputLimit
        self.defaultTimeoutMilliseconds = defaultTimeoutMilliseconds
        self.maximumTimeoutMilliseconds = maximumTimeoutMilliseconds
        self.proxyPort = proxyPort
    }

    package init(from reader: inout FieldReader) throws(ProtocolError) {
        version = try reader.uint16()
        instance = try reader.uint64()
        workDirectory = try reader.text("workDirectory", limit: 4096)
        outputLimit = try reader.uint32()
        defaultTimeoutMilliseconds = try reader.uint32()
        maximumTimeoutMilliseconds = try reader.uint32()
        proxyPort = try reader.uint16()
    }

    package func append(to writer: inout FieldWriter) {
        writer.put(version)
        writer.put(instance)
        writer.put(workDirectory)
        writer.put(outputLimit)
        writer.put(defaultTimeoutMilliseconds)
        writer.put(maximumTimeoutMilliseconds)
        writer.put(proxyPort)
    }
}
