/// The bounds of a gate.
public struct EgressLimits: Sendable, Equatable {
    /// Ports that rules without a port of their own allow. 80 and 443 by default.
    public var ports: Set<Int>
    /// Until a connection to a host stands, its look-up included. 10 seconds by default.
    public var connect: Duration
    /// Without a byte in either direction. 5 minutes by default.
    public var idle: Duration
    /// For the program inside to take the end of an answer. 60 seconds by default.
    public var linger: Duration

    public init(
        ports: Set<Int> = [80, 443], connect: Duration = .seconds(10), idle: Duration = .seconds(300),
        linger: Duration = .seconds(60)
    ) {
        self.ports = ports
        self.connect = connect
        self.idle = idle
        self.linger = linger
    }
}
