/// Whether the daemon for sandboxes is installed.
struct ExecdCheck: DoctorCheck {
    /// The setting worker.execd.
    let named: String?

    func run() async -> [Finding] {
        do {
            return [Finding("execd", .ok, try ExecutablePath.execd(named: named))]
        } catch {
            return [Finding("execd", .fatal, error.message, remedy: error.remedy)]
        }
    }
}
