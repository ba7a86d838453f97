internal import FoundationEssentials
internal import Store

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether the embedded database works in the data directory: version, write-ahead log, full synchronisation.
struct StoreCheck: DoctorCheck {
    let dataDirectory: String
    /// The setting database_url.
    let databaseURL: String?

    func run() async -> [Finding] {
        let name = "store"
        if let databaseURL, databaseURL.hasPrefix("postgres") {
            return [
                Finding(
                    name, .fatal, "this build has no PostgreSQL driver",
                    remedy: "remove PERIMETER_DATABASE_URL to use the embedded store")
            ]
        }
        let path = dataDirectory + "/.doctor-\(getpid()).db"
        defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
        do {
            let database = try SQLiteDatabase(path: path, readers: 1)
            let facts = try await database.read { connection in
                try ["SELECT sqlite_version()", "PRAGMA journal_mode"].map { statement in
                    try connection.query(statement, []).first?.text(0) ?? "?"
                }
            }
            try await database.close()
            guard facts[1].lowercased() == "wal" else {
                return [
                    Finding(
                        name, .fatal, "SQLite \(facts[0]) cannot use a write-ahead log here (\(facts[1]))",
                        remedy: "use a local file system for the data directory, not a network one")
                ]
            }
            return [Finding(name, .ok, "SQLite \(facts[0]), write-ahead log, full sync")]
        } catch {
            return [
                Finding(
                    name, .fatal, "SQLite does not work in \(dataDirectory): \(error)",
                    remedy: "name another --data-dir")
            ]
        }
    }
}
