/// How many single-character changes lie between two texts (Levenshtein), for "did you mean".
enum EditDistance {
    static func between(_ left: String, _ right: String) -> Int {
        let right = Array(right.prefix(128))
        var row = Array(0...right.count)
        for (lineIndex, character) in left.prefix(128).enumerated() {
            var diagonal = row[0]
            row[0] = lineIndex + 1
            for (column, other) in right.enumerated() {
                let above = row[column + 1]
                row[column + 1] = min(above + 1, row[column] + 1, diagonal + (character == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
