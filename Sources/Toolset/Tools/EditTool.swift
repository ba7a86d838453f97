internal import CLinux
package import ExecdProtocol

/// The `edit` tool: replaces exact text in a file.
package struct EditTool {
    package static let sizeLimit = 256 << 10

    private let gate: PathGate

    package init(gate: PathGate) {
        self.gate = gate
    }

    package func run(
        callID: String, path: String, old: String, new: String, replaceAll: Bool
    ) throws(ToolError) -> CallResult {
        guard !old.isEmpty else { throw ToolError(.invalid, "old_string is empty; use write to create a file") }
        guard old != new else { throw ToolError(.invalid, "old_string and new_string are the same") }
        let place = try gate.resolve(path, writing: true)
        let (file, _) = try TextFile(gate: gate).open(place, named: path)
        let bytes: [UInt8]
        do {
            bytes = try file.readAll(limit: Self.sizeLimit)
        } catch {
            throw ToolError(error, path: path)
        }
        guard bytes.count <= Self.sizeLimit else {
            throw ToolError(.tooLarge, "\(path): more than \(Self.sizeLimit) bytes; use bash to edit it")
        }
        _ = try ReadTool.text(bytes, path)
        let places = Self.occurrences(of: Array(old.utf8), in: bytes)
        guard !places.isEmpty else { throw ToolError(.notFound, "\(path): old_string was not found") }
        guard replaceAll || places.count == 1 else {
            throw ToolError(
                .invalid,
                "\(path): old_string occurs \(places.count) times; make it unique with more context, or set replace_all"
            )
        }
        let changed = Self.replace(places, length: old.utf8.count, with: Array(new.utf8), in: bytes)
        try FileWriter(gate: gate).write(changed, to: place, named: path, unique: UniqueName.of(callID))
        return .success("edited \(path) (\(places.count) \(places.count == 1 ? "replacement" : "replacements"))")
    }

    /// The starts of all occurrences from left to right that do not overlap.
    static func occurrences(of needle: [UInt8], in bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return [] }
            var places: [Int] = []
            var index = 0
            // The C library's search takes linear time, also for the texts that make a simple one quadratic.
            while let found = clinux_find(base + index, buffer.count - index, needle, needle.count) {
                let place = UnsafeRawPointer(found) - base
                places.append(place)
                index = place + needle.count
            }
            return places
        }
    }

    private static func replace(_ places: [Int], length: Int, with new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var changed: [UInt8] = []
        var start = 0
        for place in places {
            changed.append(contentsOf: bytes[start..<place])
            changed.append(contentsOf: new)
            start = place + length
        }
        changed.append(contentsOf: bytes[start...])
        return changed
    }
}
