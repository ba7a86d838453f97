internal import Wire

/// An opaque place in a list: what it belongs to, then the values that the rows are ordered by.
enum Cursor {
    static func encode(_ list: String, _ place: [JSON]) -> JSON {
        .string(Base64.encodeURLSafe(JSON.array([.string(list)] + place).bytes))
    }

    /// - Returns: the place; nil for an absent cursor.
    /// - Throws: ``WireError`` 400 for a text that was not made for this list.
    static func decode(_ text: String?, _ list: String) throws(WireError) -> [JSON]? {
        guard let text else { return nil }
        guard text.utf8.count <= 2048, let bytes = Base64.decode(text), let json = try? JSON(parsing: bytes),
            let items = json.arrayValue, items.first == .string(list)
        else { throw invalid }
        return Array(items.dropFirst())
    }

    static var invalid: WireError { .invalid("page: not a cursor of this list; start again without it") }

    /// A cursor of lists ordered by creation.
    static func created(_ list: String, _ time: Timestamp, _ id: String) -> JSON {
        encode(list, [.integer(time.microseconds), .string(id)])
    }

    static func created(_ text: String?, _ list: String) throws(WireError) -> (createdAt: Timestamp, id: String)? {
        guard let place = try decode(text, list) else { return nil }
        guard place.count == 2, let time = place[0].intValue, let id = place[1].stringValue else { throw invalid }
        return (Timestamp(microseconds: Int64(time)), id)
    }
}
