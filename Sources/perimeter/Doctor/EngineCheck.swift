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
        let name = "sandboxes"
        let quiet = Logger(label: "perimeter.doctor") { _ in SwiftLogNoOpLogHandler() }
        let engine: NamespaceEngine
        do {
            engine = try NamespaceEngine(
                settings: settings, runtimeDirectory: "/run/perimeter/doctor-\(getpid())", logger: quiet)
        } catch {
            return [Finding(name, .fatal, error.message, remedy: error.remedy ?? "run ./run once")]
        }
        let report = await engine.probe()
        await engine.shutdown()
        let problems = report.problems.map { problem in
            Finding(name, problem.isFatal ? .fatal : .warning, problem.summary, remedy: problem.remedy)
        }
        return report.isUsable ? [Finding(name, .ok, report.boundary)] + problems : problems
    }
}
