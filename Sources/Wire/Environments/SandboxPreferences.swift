/// What an environment asks of its sandboxes, as members of its metadata that begin with `perimeter.` (an extension).
///
/// A worker's own settings are upper bounds: an environment can ask for less, never for more.
public struct SandboxPreferences: Equatable, Sendable {
    /// Bytes.
    public var memory: Int?
    public var processes: Int?
    /// Hundredths of one core.
    public var cpuPercent: Int?
    /// Bytes below the work directory.
    public var disk: Int?
    /// Bytes of one tool result shown to the model.
    public var output: Int?
    /// Graphics processors. None by default.
    public var gpus: Int?
    /// Seconds after which a sandbox ends, whatever runs; the next call starts another with the same files.
    public var lifetime: Int?
    /// Seconds that an idle session keeps its sandbox.
    public var idle: Int?
    /// Sandboxes to keep ready for new sessions.
    public var warm: Int?
    /// The kept sandbox that sessions start from which name none themselves.
    public var snapshot: SnapshotName?
    /// Whether programs may change the files of the system.
    public var canChangeSystem: Bool?
    /// What requests that leave must not hold: such requests are refused, or what they hold is replaced.
    public var leaksBlocked: [LeakKind] = []
    public var leaksRedacted: [LeakKind] = []

    private static let prefix = "perimeter."

    public init() {}

    /// - Throws: ``WireError`` 400 that names the member of the metadata.
    public init(metadata: JSON?) throws(WireError) {
        for (name, value) in metadata?.objectValue?.members ?? [] where name.hasPrefix(Self.prefix) {
            let text = value.stringValue ?? ""
            switch name.dropFirst(Self.prefix.count) {
            case "memory_limit": memory = try Self.size(name, text, (16 << 20)...(1 << 44))
            case "process_limit": processes = try Self.number(name, text, 8...65_536)
            case "cpu_limit": cpuPercent = try Self.number(name, text, 1...102_400)
            case "disk_limit": disk = try Self.size(name, text, (16 << 20)...(1 << 46))
            case "output_limit": output = try Self.size(name, text, 1024...(16 << 20))
            case "gpus": gpus = try Self.number(name, text, 0...64)
            case "lifetime_seconds": lifetime = try Self.number(name, text, 1...31_536_000)
            case "idle_seconds": idle = try Self.number(name, text, 1...86_400)
            case "warm_sandboxes": warm = try Self.number(name, text, 0...256)
            case "snapshot": snapshot = try SnapshotName(metadata: metadata)
            case "system":
                guard ["writable", "read_only"].contains(text) else {
                    throw .invalid("metadata.\(name): must be writable or read_only")
                }
                canChangeSystem = text == "writable"
            case "leak_block": leaksBlocked = try Self.kinds(name, text, LeakKind.allCases)
            case "leak_redact": leaksRedacted = try Self.kinds(name, text, LeakKind.allCases.filter(\.canBeRedacted))
            default:
                throw .invalid(
                    "metadata.\(name.prefix(64)): there is no such setting; known are memory_limit, process_limit, "
                        + "cpu_limit, disk_limit, output_limit, gpus, lifetime_seconds, idle_seconds, "
                        + "warm_sandboxes, snapshot, system, leak_block and leak_redact")
            }
        }
    }

    private static func number(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws(WireError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw .invalid("metadata.\(name): must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func kinds(_ name: String, _ text: String, _ known: [LeakKind]) throws(WireError) -> [LeakKind] {
        var kinds: [LeakKind] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let kind = known.first(where: { $0.rawValue == word }), !kinds.contains(kind) else {
                throw .invalid(
                    "metadata.\(name): must be a list, parted by commas, of "
                        + known.map(\.rawValue).joined(separator: ", "))
            }
            kinds.append(kind)
        }
        return kinds
    }

    private static func size(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws(WireError) -> Int {
        guard let size = ByteSize(text), range.contains(size.bytes) else {
            throw .invalid(
                "metadata.\(name): must be a size from \(ByteSize(bytes: range.lowerBound)) to "
                    + "\(ByteSize(bytes: range.upperBound)), such as 512MiB")
        }
        return size.bytes
    }

    /// Only the members that are such settings, for a worker.
    public static func members(of metadata: JSON?) -> JSON {
        .object(JSON.Object((metadata?.objectValue?.members ?? []).filter { $0.key.hasPrefix(prefix) }))
    }
}
