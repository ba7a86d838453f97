internal import Wire

/// Whether the clock is plausible: leases, keys and TLS certificates depend on it.
struct ClockCheck: DoctorCheck {
    let clock: any WallClock

    /// A moment before which no build of this program existed.
    private static let earliest = Timestamp("2025-06-01T00:00:00Z")

    func run() async -> [Finding] {
        let now = clock.now()
        guard let earliest = Self.earliest, now > earliest else {
            return [
                Finding(
                    "clock", .fatal, "this machine believes it is \(now)",
                    remedy: "set the clock, for example with chrony")
            ]
        }
        return [Finding("clock", .ok, "\(now)")]
    }
}
