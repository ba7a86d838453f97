internal import Archive
internal import ArgumentParser
internal import Sandbox
internal import Wire

/// The snapshots of this host and of the archive.
struct SnapshotsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List them, the newest first, and where they are.")
    @OptionGroup var options: SnapshotOptions

    @Flag(name: .long, help: "Print objects, one per line, instead of text for people.")
    var json = false

    private struct Item {
        var bytes: Int
        var createdAt: Int
        var places: [String]
    }

    func run() async throws {
        let settings = try options.process.load().settings
        var items: [String: Item] = [:]
        for snapshot in try await options.engine(settings).snapshots() {
            items[snapshot.id.rawValue] = Item(bytes: snapshot.bytes, createdAt: snapshot.createdAt, places: ["host"])
        }
        let archived = try await SnapshotArchive.with(settings) { archive in
            do throws(ArchiveFailure) { return try await archive?.list() ?? [] } catch {
                throw CommandError(.failure, "the archive cannot be listed: \(error.message)")
            }
        }
        for entry in archived {
            var item = items[entry.name] ?? Item(bytes: entry.packed, createdAt: entry.createdAt, places: [])
            item.places.append("archive")
            items[entry.name] = item
        }
        let now = SystemWallClock().now()
        let objects = items.sorted { ($0.value.createdAt, $0.key) > ($1.value.createdAt, $1.key) }.map {
            name, item -> JSON in
            [
                "name": .string(name), "bytes": JSON(item.bytes),
                "created_at": JSON(Timestamp(microseconds: Int64(item.createdAt) * 1_000_000)),
                "places": .array(item.places.map { .string($0) }),
            ]
        }
        Printer(isJSON: json).many(objects, table: Table("NAME", "SIZE", "AGE", "WHERE"), none: "no snapshots") {
            table, object in
            table.add(
                object["name"]?.stringValue ?? "-", "\((object["bytes"]?.intValue ?? 0) >> 10) KiB",
                Age.text(object["created_at"]?.stringValue, now: now),
                object["places"]?.arrayValue?.compactMap(\.stringValue).joined(separator: ", ") ?? "-")
        }
    }
}
