internal import Sandbox
internal import Wire

extension SnapshotName {
    /// The engine's name for it: an environment sees its own snapshots only.
    func id(in environment: RemoteID) -> SnapshotID? { SnapshotID("\(environment)-\(rawValue)") }
}
