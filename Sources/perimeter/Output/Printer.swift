internal import Wire

/// Prints what a command got: wire objects for scripts, or text for people.
struct Printer {
    var isJSON: Bool

    func one(_ json: JSON) {
        if isJSON {
            Terminal.write(json.text + "\n")
        } else {
            Terminal.write(Details.render(json, style: Terminal.style))
        }
    }

    /// - Parameter row: adds the cells of one item.
    func many(_ items: [JSON], table: Table, none: String, row: (inout Table, JSON) -> Void) {
        guard !isJSON else { return Terminal.write(items.map { $0.text + "\n" }.joined()) }
        var table = table
        for item in items { row(&table, item) }
        table.print(orElse: none)
    }

    /// One line on what was done.
    func done(_ json: JSON, _ line: String) {
        Terminal.write((isJSON ? json.text : PlainText.oneLine(line, width: 4096)) + "\n")
    }
}
