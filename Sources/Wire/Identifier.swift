/// What an identifier names; its prefix is what people and samples expect to see (reference api-core §0.6).
public protocol ResourceKind: Sendable {
    static var prefix: String { get }
}

/// An identifier of one kind of object, such as `sesn_01KxW4tD9RzQm6NbVcHyLp2s`. Opaque beyond its prefix.
public struct ID<Kind: ResourceKind>: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// Accepts only text with the kind's prefix and plain characters; everything that enters the process passes here once.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix(Kind.prefix), text.utf8.count <= 128,
            text.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            })
        else { return nil }
        rawValue = String(text)
    }

    /// A new identifier: time-ordered, so that rows created together lie together on disk.
    public static func make(_ source: some IdentifierSource) -> ID {
        ID(unchecked: Kind.prefix + source.next())
    }

    private init(unchecked: String) { rawValue = unchecked }
    public var description: String { rawValue }
}

public enum AgentKind: ResourceKind { public static let prefix = "agent_" }
public enum EnvironmentKind: ResourceKind { public static let prefix = "env_" }
public enum WorkKind: ResourceKind { public static let prefix = "work_" }
public enum SessionKind: ResourceKind { public static let prefix = "sesn_" }
public enum EventKind: ResourceKind { public static let prefix = "sevt_" }
public enum ThreadKind: ResourceKind { public static let prefix = "sthr_" }
public enum WorkspaceKind: ResourceKind { public static let prefix = "wrkspc_" }
public enum APIKeyKind: ResourceKind { public static let prefix = "apikey_" }
public enum SkillKind: ResourceKind { public static let prefix = "skill_" }
public enum SkillVersionKind: ResourceKind { public static let prefix = "skillver_" }
public enum StreamKind: ResourceKind { public static let prefix = "strm_" }
public enum PreviewKind: ResourceKind { public static let prefix = "prev_" }
public enum VaultKind: ResourceKind { public static let prefix = "vlt_" }
public enum CredentialIDKind: ResourceKind { public static let prefix = "vcrd_" }
public enum RequestKind: ResourceKind { public static let prefix = "req_" }

public typealias AgentID = ID<AgentKind>
public typealias EnvironmentID = ID<EnvironmentKind>
public typealias WorkID = ID<WorkKind>
public typealias SessionID = ID<SessionKind>
public typealias EventID = ID<EventKind>
public typealias ThreadID = ID<ThreadKind>
public typealias WorkspaceID = ID<WorkspaceKind>
public typealias APIKeyID = ID<APIKeyKind>
public typealias SkillID = ID<SkillKind>
public typealias SkillVersionID = ID<SkillVersionKind>
public typealias StreamID = ID<StreamKind>
public typealias PreviewID = ID<PreviewKind>
public typealias VaultID = ID<VaultKind>
public typealias CredentialID = ID<CredentialIDKind>
public typealias RequestID = ID<RequestKind>

/// Where the variable part of identifiers comes from; tests pass a counter.
public protocol IdentifierSource: Sendable {
    /// 24 base62 characters, never repeated.
    func next() -> String
}

/// Identifiers from the clock (48 bits of milliseconds, so they sort by creation) and 96 random bits.
public struct RandomIdentifierSource: IdentifierSource {
    private let clock: any WallClock

    public init(clock: any WallClock) { self.clock = clock }

    public func next() -> String {
        var generator = SystemRandomNumberGenerator()
        var characters: [UInt8] = []
        characters.reserveCapacity(24)
        var milliseconds = UInt64(clearing: clock.now().microseconds / 1000)
        var time: [UInt8] = []
        for _ in 0..<8 {
            time.append(Self.alphabet[Int(milliseconds % 62)])
            milliseconds /= 62
        }
        characters.append(contentsOf: time.reversed())
        for _ in 0..<16 { characters.append(Self.alphabet[Int.random(in: 0..<62, using: &generator)]) }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Digits, upper case, lower case: the order of their bytes, so text order is time order.
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}

extension UInt64 {
    fileprivate init(clearing value: Int64) { self = value < 0 ? 0 : UInt64(value) }
}
