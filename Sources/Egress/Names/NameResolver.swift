/// Looks up the addresses of names.
public protocol NameResolver: Sendable {
    /// All addresses of a name, in the order to try them.
    /// - Throws: ``NameError`` when there are none, or no answer came in time.
    func addresses(of name: String, within limit: Duration) async throws(NameError) -> [IPAddress]
}

/// Why a name has no addresses.
public enum NameError: Error, Sendable {
    case unknown
    case timedOut
    /// So many look-ups are under way that this one was not started.
    case busy
}
