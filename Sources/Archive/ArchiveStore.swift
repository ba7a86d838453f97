/// A place for named objects: a folder, or a bucket. Names are letters, digits, `-`, `_` and `.`.
public protocol ArchiveStore: Sendable {
    /// How people know it.
    var label: String { get }

    /// All names there are.
    func names() async throws(ArchiveFailure) -> [String]

    /// A small object; nil when there is none.
    /// - Throws: ``ArchiveFailure`` `.corrupt` for one of more than `limit` bytes.
    func read(_ name: String, limit: Int) async throws(ArchiveFailure) -> [UInt8]?

    /// Writes a small object as a whole.
    func write(_ bytes: [UInt8], as name: String) async throws(ArchiveFailure)

    /// Brings a file there, piece by piece; it appears as a whole.
    func upload(_ path: String, as name: String) async throws(ArchiveFailure)

    /// Writes an object into a file that does not exist yet, piece by piece.
    /// - Throws: `.notFound`; `.corrupt` for one of more than `limit` bytes. The file may then be there in part.
    func download(_ name: String, to path: String, limit: Int) async throws(ArchiveFailure)

    /// Idempotent.
    func remove(_ name: String) async throws(ArchiveFailure)
}
