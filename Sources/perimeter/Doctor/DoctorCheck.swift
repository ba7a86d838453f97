/// One question that `doctor` asks of the host or the settings. Never throws: a failure is a finding.
protocol DoctorCheck: Sendable {
    func run() async -> [Finding]
}
