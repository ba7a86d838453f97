/// The rules of `metadata` (reference api-core §0.6): at most 16 pairs, keys of 1 to 64 and values of up to 512 characters.
public enum Metadata {
    /// A bag given at creation; absent means empty.
    public static func create(_ json: JSON?, path: String = "metadata", code: String? = nil) throws(WireError) -> JSON {
        try apply(json, to: [:], emptyDeletes: false, path: path, code: code)
    }

    /// A patch: a string sets, `null` deletes (and the empty string, where `emptyDeletes`), absent keeps.
    public static func apply(
        _ patch: JSON?, to current: JSON, emptyDeletes: Bool, path: String = "metadata", code: String? = nil
    ) throws(WireError) -> JSON {
        guard let patch, !patch.isNull else { return current }
        guard let changes = patch.objectValue else {
            throw .invalid("\(path): expected an object, got \(patch.kindName)", code: code)
        }
        var bag = current.objectValue ?? [:]
        for (key, value) in changes.members {
            guard (1...64).contains(key.unicodeScalars.count) else {
                throw .invalid("\(path): keys must have 1 to 64 characters", code: code)
            }
            if value.isNull || (emptyDeletes && value == "") {
                bag[key] = nil
                continue
            }
            guard let text = value.stringValue else {
                throw .invalid("\(path).\(key): expected a string, got \(value.kindName)", code: code)
            }
            guard text.unicodeScalars.count <= 512 else {
                throw .invalid("\(path).\(key): must have at most 512 characters", code: code)
            }
            bag[key] = .string(text)
        }
        guard bag.count <= 16 else { throw .invalid("\(path): at most 16 pairs are allowed", code: code) }
        return .object(bag)
    }
}
