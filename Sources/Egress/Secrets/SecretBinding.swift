/// A secret that a sandbox knows by a placeholder only. The gate puts it into requests to the hosts that it is bound to.
public struct SecretBinding: Sendable, Equatable {
    /// Where in a request the placeholder is swapped.
    public struct Locations: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Values of header fields, the user and password of `Authorization: Basic` included.
        public static let header = Locations(rawValue: 1)
        /// The body, where it is not compressed.
        public static let body = Locations(rawValue: 2)
    }

    /// Random, and unlike anything that occurs by chance. Programs inside see this.
    public let placeholder: String
    public let secret: SecretText
    /// The hosts that may get it; nil for every one that the network policy allows.
    public let hosts: [EgressRule]?
    public let locations: Locations

    /// - Parameters:
    ///   - placeholder: at least 16 bytes of visible ASCII; nothing is swapped for a shorter one.
    ///   - hosts: names, `*.` wildcards or IPv4 addresses; entries that are none match nothing.
    public init(placeholder: String, secret: SecretText, hosts: [String]?, locations: Locations) {
        self.placeholder = placeholder
        self.secret = secret
        self.hosts = hosts.map { $0.compactMap { EgressRule($0) } }
        self.locations = locations
    }

    func isBound(to host: HostName) -> Bool {
        placeholder.utf8.count >= 16 && hosts?.contains { !$0.isDenial && $0.matches(host) } ?? true
    }
}

/// The text of a secret. It does not print, in logs, errors or debuggers.
public struct SecretText: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    let bytes: [UInt8]

    public init(_ text: String) { bytes = Array(text.utf8) }

    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
