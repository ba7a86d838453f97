internal import Crypto
internal import Wire

/// The lines of the audit chain: each holds its number and the hash of the line before.
enum AuditChain {
    /// What the first line holds as the hash of the line before.
    static let origin = String(repeating: "0", count: 64)
    /// A line is no longer than this, in bytes.
    static let lineLimit = 8192
    /// A text in a line is no longer than this, in characters.
    static let textLimit = 256

    /// SHA-256 of a line without its line break, in hexadecimal.
    static func hash(_ line: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let characters = SHA256.hash(data: Array(line)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Cuts a text that somebody else wrote.
    static func bounded(_ text: String) -> JSON { .string(String(text.prefix(textLimit))) }
}

/// Who acts, and when: with it every write of the store says in the same transaction what it did.
struct AuditTrail: Sendable {
    var actor: AuditActor
    var at: Timestamp

    func note(_ action: AuditAction, _ subject: String, workspace: String, _ connection: any SQLConnection) throws {
        try note(action, subject, workspace: workspace, [:], connection)
    }

    /// Appends a line. It is there when the transaction is, and not otherwise.
    /// - Parameter details: no secrets and no output of tools; texts of others are ``AuditChain/bounded(_:)``.
    func note(
        _ action: AuditAction, _ subject: String, workspace: String, _ details: JSON,
        _ connection: any SQLConnection
    ) throws {
        let last = try connection.first("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        let seq = (last?.integer(0) ?? 0) + 1
        var line: JSON = [
            "seq": JSON(seq), "at": JSON(at), "previous": .string(last?.text(1) ?? AuditChain.origin),
            "workspace_id": .string(workspace), "actor": actor.json, "action": .string(action.rawValue),
            "subject": AuditChain.bounded(subject), "details": details,
        ]
        if line.bytes.count > AuditChain.lineLimit { line["details"] = ["too_long": true] }
        let bytes = line.bytes
        try connection.execute(
            "INSERT INTO audit (seq, hash, line) VALUES (?, ?, ?)", SQLValue(seq), SQLValue(AuditChain.hash(bytes)),
            SQLValue(String(decoding: bytes, as: UTF8.self)))
    }
}
