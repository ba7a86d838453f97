/// The state of a work item (reference api-core §2.4).
public enum WorkState: String, Sendable {
    case queued, starting, active, stopping, stopped
}
