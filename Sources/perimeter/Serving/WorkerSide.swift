internal import Archive
internal import AsyncHTTPClient
internal import Egress
internal import FoundationEssentials
internal import Logging
internal import Sandbox
internal import ServiceLifecycle
internal import Worker

/// The worker of a process, once it is known which server it serves.
struct WorkerSide: Service {
    /// The environment whose queue is served; `-` stands for all cloud environments.
    let environment: String
    let key: Credential
    /// Gives the server's address; nil ends the worker without an error.
    let serverURL: @Sendable () async -> String?
    let settings: Settings
    let engine: any SandboxProvider
    let logger: Logger

    /// Removes what the engine keeps beside files and paused sandboxes. Call it once ``run()`` has ended.
    static func leave(_ engine: any SandboxProvider, _ settings: Settings) async {
        let directory = settings.dataDirectory + "/worker"
        await engine.shutdown(keeping: await EnvironmentWorker.pausedSandboxes(stateDirectory: directory))
    }

    func run() async throws {
        guard let url = await serverURL() else { return }
        let worker = settings.worker
        let configuration: WorkerConfiguration
        do {
            configuration = try WorkerConfiguration(
                serverURL: url, environment: environment, environmentKey: key,
                stateDirectory: settings.dataDirectory + "/worker", concurrentSessions: worker.concurrentSessions,
                leaseSeconds: worker.leaseSeconds,
                maxIdle: worker.maxIdleSeconds == 0 ? nil : .seconds(worker.maxIdleSeconds),
                allowedHosts: worker.allowedHosts ?? [], packageMirrors: worker.packageMirrors, limits: worker.limits,
                retention: settings.keeping.retention)
        } catch {
            throw CommandError(.usage, error.message)
        }
        let egress = WorkerEgress(
            context: EgressContext(
                trusted: (worker.allowedHosts ?? []) + worker.packageMirrors.rules,
                tls: UpstreamTLS(more: try furtherCertificates()), logger: logger),
            leaks: try leakRules(), folder: settings.dataDirectory + "/worker/egress")
        let client = EnvironmentWorker.clientConfiguration(concurrentSessions: worker.concurrentSessions)
        do {
            try await SnapshotArchive.with(settings) { archive in
                try await HTTPClient.with(client) { http in
                    try await EnvironmentWorker(
                        configuration: configuration, provider: engine, egress: egress, archive: archive,
                        files: SandboxEngines(settings: settings, logger: logger).files, httpClient: http,
                        logger: logger
                    ).run()
                }
            }
        } catch let error as WorkerError {
            throw CommandError(.failure, "worker: \(error.message)", remedy: "run `perimeter doctor`")
        }
    }
}

extension WorkerSide {
    private func furtherCertificates() throws(CommandError) -> [UInt8] {
        guard let path = settings.worker.egressAuthority else { return [] }
        do { return try [UInt8](Data(contentsOf: URL(filePath: path))) } catch {
            throw CommandError(
                .usage, "worker.egress_authority: \(path) cannot be read",
                remedy: "name a PEM file that the worker may read")
        }
    }
}

extension WorkerSide {
    /// One rule a line; empty lines and those that begin with `#` say nothing.
    private func leakRules() throws(CommandError) -> [LeakRule] {
        guard let path = settings.worker.egressLeakRules else { return [] }
        let bytes: [UInt8]
        do { bytes = try [UInt8](Data(contentsOf: URL(filePath: path))) } catch {
            throw CommandError(
                .usage, "worker.egress_leak_rules: \(path) cannot be read",
                remedy: "name a file that the worker may read")
        }
        var rules: [LeakRule] = []
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            guard let rule = LeakRule(line: line), rules.count < LeakRule.maximumOperatorCount else {
                // Never the line itself: it may hold what must not be told.
                throw CommandError(
                    .usage, "worker.egress_leak_rules: line \(index + 1) of \(path) is no rule, or one too many",
                    remedy: "docs/sandboxes.md says how rules are written")
            }
            rules.append(rule)
        }
        return rules
    }
}

extension WorkerSettings {
    var limits: ResourceLimits {
        ResourceLimits(
            memoryBytes: memoryLimit, processes: processLimit, cpuPercent: cpuLimit, diskBytes: diskLimit)
    }
}
