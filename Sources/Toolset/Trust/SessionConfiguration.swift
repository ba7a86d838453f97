package import ExecdProtocol

/// Makes a session's configuration hold for the programs that start from now on. Used by one thread.
package final class SessionConfiguration {
    private let environment: ProgramEnvironment
    private let folder: TrustFolder

    package init(environment: ProgramEnvironment, folder: TrustFolder) {
        self.environment = environment
        self.folder = folder
    }

    /// Takes a configuration instead of the one before, which stays when this one is refused. Costs about as much as reading and
    /// writing the system's certificates, when there are some to add.
    package func apply(_ configuration: Configuration) throws(ToolError) {
        if let refusal = configuration.refusal { throw ToolError(.denied, refusal) }
        let session = try CertificateList(strict: configuration.authorities)
        guard !session.encodings.isEmpty else {
            environment.overlay(configuration.variables)
            return folder.remove()
        }
        let system = SystemBundle.read(preferred: environment.original("SSL_CERT_FILE"))
        let trust = TrustFiles(system: system, session: session)
        do throws(SystemFailure) {
            let path = try folder.put { trust.files(in: $0) }
            environment.overlay(merged(TrustFiles.variables(in: path), configuration.variables))
        } catch {
            throw ToolError(.failed, "the session's certificates cannot be written: \(error.phrase)")
        }
    }

    /// What a session says itself is stronger than what leads to its certificates; options of the JVM go side by side, and of two
    /// that contradict the later one counts.
    private func merged(_ trust: [String: String], _ variables: [String: String]) -> [String: String] {
        var all = trust.merging(variables) { $1 }
        let name = TrustFiles.javaOptions
        let own = variables[name] ?? environment.original(name) ?? ""
        if let options = trust[name], !own.isEmpty { all[name] = "\(options) \(own)" }
        return all
    }

    /// Takes away what was written.
    package func end() { folder.remove() }
}
