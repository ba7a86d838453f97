internal import Hummingbird
internal import Store
internal import Wire

/// The common list: newest first, with a forward cursor (reference api-core §0.7).
struct ObjectPage {
    let list: String
    private(set) var query = PageQuery()
    private let limit: Int

    init(_ reader: inout QueryReader, list: String, maximum: Int, hasTimes: Bool = false) throws(WireError) {
        self.list = list
        limit = try reader.int("limit", 1...maximum) ?? 20
        // One more than shown tells whether there is a next page.
        query.limit = limit + 1
        query.includeArchived = try reader.bool("include_archived") ?? false
        if hasTimes {
            query.createdAtLeast = try reader.time("created_at[gte]")
            query.createdAtMost = try reader.time("created_at[lte]")
        }
        query.after = try Cursor.created(try reader.text("page"), list)
    }

    func response(_ rows: [ObjectRow]) -> Response {
        let shown = rows.prefix(limit)
        let next = rows.count > limit ? shown.last.map { Cursor.created(list, $0.createdAt, $0.id) } : nil
        return .page(shown.map(\.body), next: next)
    }
}
