internal import Wire

/// Shows keys. The text of a key is there only in the answer to its creation.
enum KeyPrinter {
    static func created(_ key: JSON, isJSON: Bool) {
        guard !isJSON, let text = key["key"]?.stringValue else { return Printer(isJSON: isJSON).one(key) }
        Terminal.write(text + "\n")
        Terminal.writeError("\(key["id"]?.stringValue ?? "?") is shown this once; keep it in a safe place\n")
    }

    static func list(_ keys: [JSON], isJSON: Bool) {
        let now = SystemWallClock().now()
        Printer(isJSON: isJSON).many(
            keys, table: Table("ID", "STATUS", "HINT", "AGE", "NAME"), none: "no keys"
        ) { table, key in
            table.add(
                key["id"]?.stringValue ?? "-", key["status"]?.stringValue ?? "active",
                key["partial_key_hint"]?.stringValue ?? "-", Age.text(key["created_at"]?.stringValue, now: now),
                key["name"]?.stringValue ?? "-")
        }
    }
}
