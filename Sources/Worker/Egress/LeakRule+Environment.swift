internal import Egress
internal import Wire

extension LeakRule {
    /// What an environment asks for.
    static func rules(of preferences: SandboxPreferences) -> [LeakRule] {
        preferences.leaksBlocked.map { LeakRule(.block, $0) } + preferences.leaksRedacted.map { LeakRule(.redact, $0) }
    }
}
