/// What installs packages of an environment, in the order in which they run.
public enum PackageManager: String, Sendable, CaseIterable {
    case apt, cargo, gem, go, npm, pip
}
