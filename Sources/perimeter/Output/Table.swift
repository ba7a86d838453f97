/// Rows under aligned headings. The last column takes what is left of the line.
struct Table {
    var headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) { self.headings = headings }

    /// Cells are made one line and safe for a terminal.
    mutating func add(_ cells: String...) {
        rows.append(cells.map { PlainText.oneLine($0, width: 4096) })
    }

    var isEmpty: Bool { rows.isEmpty }

    /// - Parameter width: columns of the terminal; nil prints cells in full, as for a pipe.
    func render(width: Int?, style: Style) -> String {
        var widths = headings.map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], cell.count)
            }
        }
        var text = ""
        for (index, row) in ([headings] + rows).enumerated() {
            var line = ""
            for (column, cell) in row.enumerated() where column < widths.count {
                let isLast = column == widths.count - 1
                if isLast {
                    let room = width.map { max(8, $0 - line.count) } ?? Int.max
                    line += PlainText.clipped(cell, width: room)
                } else {
                    line += cell + String(repeating: " ", count: widths[column] - cell.count + 2)
                }
            }
            while line.last == " " { line.removeLast() }
            text += (index == 0 ? style.paint(line, .dim) : line) + "\n"
        }
        return text
    }

    /// Prints the table, or `none` when it has no rows.
    func print(orElse none: String) {
        guard !isEmpty else { return Terminal.writeError(none + "\n") }
        Terminal.write(render(width: Terminal.isOutput ? Terminal.width : nil, style: Terminal.style))
    }
}
