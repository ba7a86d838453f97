internal import ExecdProtocol
internal import Sandbox

/// Where a daemon is reached, and what it has to be told first.
struct DaemonDoor: Sendable {
    var pod: String
    var token: ExecdToken
    /// For a daemon that was started before its session was known.
    var orders: ExecdOrders?
}
