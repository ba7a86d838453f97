internal import Engines
internal import Logging
internal import Sandbox

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether sandboxes can be made here, found out by making one, and what holds them.
struct EngineCheck: DoctorCheck {
    let settings: Settings

    func run() async -> [Finding] {
        let quiet = Logger(label: "perimeter.doctor") { _ in SwiftLogNoOpLogHandler() }
        var settings = settings
        settings.worker.warmSandboxes = 0
        let engine: any SandboxProvider
        do {
            engine = try SandboxEngines(
                settings: settings, runtimeDirectory: "/run/perimeter/doctor-\(getpid())", logger: quiet
            ).chosen()
        } catch {
            return [Finding("sandboxes", .fatal, error.message, remedy: error.remedy ?? "run ./run once")]
        }
        let report = await engine.probe()
        await engine.shutdown()
        let problems = report.problems.map { problem in
            Finding("sandboxes", problem.isFatal ? .fatal : .warning, problem.summary, remedy: problem.remedy)
        }
        return report.isUsable ? [Finding("sandboxes", .ok, report.boundary)] + problems : problems
    }
}
