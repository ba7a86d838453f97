internal import Wire

/// Where an exported chain breaks.
public struct AuditBreak: Error, Sendable, Equatable, CustomStringConvertible {
    /// The first line of the file that is wrong, from 1; one behind the last when the file was cut off.
    public var line: Int
    public var reason: String
    public var description: String { "line \(line): \(reason)" }
}

/// Checks an exported chain line by line, without the server that wrote it.
///
/// It finds what was changed, dropped, added, reordered or cut off in a file. Who rewrites a whole file with all its hashes is found
/// by the head alone, which therefore belongs somewhere else.
public struct AuditVerifier: Sendable {
    /// The number and hash of the last line.
    public struct Head: Sendable, Equatable {
        public var seq: Int
        public var hash: String

        /// The last line of an export.
        public var line: String {
            JSON.object([
                "type": "audit_head", "seq": JSON(seq), "hash": .string(hash),
            ]).text
        }
    }

    /// What was read so far.
    public private(set) var head = Head(seq: 0, hash: AuditChain.origin)
    private var isComplete = false
    private var lines = 0
    private var pending: [UInt8] = []
    private static let keys = [
        "seq", "at", "previous", "workspace_id", "actor", "action", "subject", "details",
    ]

    private let watched: String?
    /// Whether a line had the hash that was watched for.
    public private(set) var hasMet = false

    /// - Parameter hash: of a line that is known from elsewhere.
    public init(watchingFor hash: String? = nil) { watched = hash }

    /// Takes the next bytes of a file. No more than one line is kept.
    /// - Throws: ``AuditBreak``; the verifier is of no use afterwards.
    public mutating func feed(_ bytes: ArraySlice<UInt8>) throws(AuditBreak) {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            pending += rest[..<end]
            try read(pending)
            pending = []
            rest = rest[(end + 1)...]
        }
        pending += rest
        guard pending.count <= AuditChain.lineLimit else {
            throw AuditBreak(line: lines + 1, reason: "this is no line of an audit chain")
        }
    }

    /// - Parameter line: without its line break.
    /// - Throws: as ``feed(_:)``.
    public mutating func read(_ line: some Collection<UInt8>) throws(AuditBreak) {
        lines += 1
        guard !isComplete else { throw AuditBreak(line: lines, reason: "something follows the end of the export") }
        guard line.count <= AuditChain.lineLimit, let json = try? JSON(parsing: Array(line)),
            let members = json.objectValue?.members
        else { throw AuditBreak(line: lines, reason: "this is no line of an audit chain") }
        if json["type"]?.stringValue == "audit_head" { return try end(json) }
        guard members.map(\.key) == Self.keys, let seq = json["seq"]?.intValue else {
            throw AuditBreak(line: lines, reason: "this is no line of an audit chain")
        }
        guard seq == head.seq + 1 else {
            throw AuditBreak(
                line: lines, reason: "number \(seq) stands where \(head.seq + 1) belongs: lines are missing or moved")
        }
        guard json["previous"]?.stringValue == head.hash else {
            guard seq > 1 else { throw AuditBreak(line: lines, reason: "it does not begin a chain") }
            throw AuditBreak(
                line: lines - 1, reason: "it is not as line \(lines) holds its hash: one of them was changed")
        }
        head = Head(seq: seq, hash: AuditChain.hash(line))
        hasMet = hasMet || head.hash == watched
    }

    private mutating func end(_ json: JSON) throws(AuditBreak) {
        guard json["seq"]?.intValue == head.seq else {
            throw AuditBreak(line: lines, reason: "lines before the end of the export are missing, or it was changed")
        }
        guard json["hash"]?.stringValue == head.hash else {
            throw AuditBreak(line: lines - 1, reason: "it is not as the end of the export holds its hash")
        }
        isComplete = true
    }

    /// Call it when the file is at its end.
    /// - Throws: ``AuditBreak`` when the export has no end.
    public func finish() throws(AuditBreak) {
        guard isComplete, pending.isEmpty else {
            throw AuditBreak(line: lines + 1, reason: "the file was cut off here")
        }
    }
}
