/// Where the tools work and how much they may take.
package struct ToolSettings: Sendable {
    /// Absolute. Relative paths start here, the shell starts here, and outputs spill below it.
    package var workDirectory: String
    /// Other directories that the file tools may use.
    package var roots: [String]
    /// Directories that they may only read; stronger than the ones above.
    package var readOnlyRoots: [String]
    /// The variables of every program; they may change while the daemon runs.
    package let environment: ProgramEnvironment
    /// Bytes of one result's text; more goes into a file.
    package var outputLimit: Int
    /// Bytes that such a file may have.
    package var spillLimit: Int
    package var defaultTimeoutMilliseconds: Int
    package var maximumTimeoutMilliseconds: Int
    /// The local port that leads out of the sandbox; 0 when there is no way out.
    package var proxyPort: UInt16

    /// - Parameter environment: `NAME=value`, to begin with.
    package init(
        workDirectory: String, roots: [String] = [], readOnlyRoots: [String] = [], environment: [String],
        outputLimit: Int = 100_000, spillLimit: Int = 64 << 20, defaultTimeoutMilliseconds: Int = 120_000,
        maximumTimeoutMilliseconds: Int = 600_000, proxyPort: UInt16 = 0
    ) {
        self.workDirectory = workDirectory
        self.roots = roots
        self.readOnlyRoots = readOnlyRoots
        self.environment = ProgramEnvironment(environment)
        self.outputLimit = max(outputLimit, 1024)
        self.spillLimit = spillLimit
        self.defaultTimeoutMilliseconds = defaultTimeoutMilliseconds
        self.maximumTimeoutMilliseconds = maximumTimeoutMilliseconds
        self.proxyPort = proxyPort
    }
}
