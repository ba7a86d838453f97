/// A member of a request object: absent, `null`, or a value. Updates treat the three differently.
public enum Field<Value> {
    case absent
    case null
    case value(Value)

    /// The value, or nil for both other cases.
    public var orNil: Value? {
        guard case .value(let value) = self else { return nil }
        return value
    }
    public var isAbsent: Bool {
        guard case .absent = self else { return false }
        return true
    }
    public func map<Result, Failure: Error>(_ body: (Value) throws(Failure) -> Result) throws(Failure) -> Field<Result>
    {
        switch self {
        case .absent: .absent
        case .null: .null
        case .value(let value): .value(try body(value))
        }
    }
}

extension Field: Sendable where Value: Sendable {}

/// Reads the members of one request object, names the member in every error, and refuses members nobody asked for
/// (request objects are closed: reference api-core §0.6).
public struct ObjectReader {
    private let object: JSON.Object
    private let path: String
    private var known: Set<String> = []

    /// - Parameter path: where this object lies in the request, such as `tools[2]`; empty for the body itself.
    public init(_ json: JSON, path: String = "") throws(WireError) {
        guard case .object(let object) = json else {
            throw .invalid("\(path.isEmpty ? "body" : path): expected an object, got \(json.kindName)")
        }
        self.object = object
        self.path = path
    }

    /// The full name of a member, for messages.
    public func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The raw member; nil when absent.
    public mutating func raw(_ key: String) -> JSON? {
        known.insert(key)
        return object[key]
    }

    public mutating func field(_ key: String) -> Field<JSON> {
        guard let value = raw(key) else { return .absent }
        return value.isNull ? .null : .value(value)
    }

    public mutating func required(_ key: String) throws(WireError) -> JSON {
        guard let value = raw(key), !value.isNull else { throw .invalid("\(name(key)): field required") }
        return value
    }

    /// A required string; `length` counts Unicode scalars.
    public mutating func string(_ key: String, length: ClosedRange<Int>? = nil) throws(WireError) -> String {
        try Self.string(try required(key), name(key), length)
    }

    public mutating func optionalString(_ key: String, length: ClosedRange<Int>? = nil) throws(WireError) -> Field<
        String
    > {
        let label = name(key)
        return try field(key).map { (json) throws(WireError) in try Self.string(json, label, length) }
    }

    public mutating func optionalBool(_ key: String) throws(WireError) -> Field<Bool> {
        let label = name(key)
        return try field(key).map { (json) throws(WireError) in
            guard let flag = json.boolValue else {
                throw .invalid("\(label): expected a boolean, got \(json.kindName)")
            }
            return flag
        }
    }

    public mutating func optionalInt(_ key: String, range: ClosedRange<Int>? = nil) throws(WireError) -> Field<Int> {
        let label = name(key)
        return try field(key).map { (json) throws(WireError) in
            guard let number = json.intValue else {
                throw .invalid("\(label): expected an integer, got \(json.kindName)")
            }
            if let range, !range.contains(number) {
                throw .invalid("\(label): must be from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    public mutating func optionalArray(_ key: String, count: ClosedRange<Int>? = nil) throws(WireError) -> Field<[JSON]>
    {
        let label = name(key)
        return try field(key).map { (json) throws(WireError) in
            guard let items = json.arrayValue else {
                throw .invalid("\(label): expected an array, got \(json.kindName)")
            }
            if let count, !count.contains(items.count) {
                throw .invalid("\(label): must have \(count.lowerBound) to \(count.upperBound) items")
            }
            return items
        }
    }

    /// Refuses every member that was not read.
    public func finish() throws(WireError) {
        for member in object.members where !known.contains(member.key) {
            throw .invalid("\(name(String(member.key.prefix(128)))): extra inputs are not permitted")
        }
    }

    public static func string(_ json: JSON, _ label: String, _ length: ClosedRange<Int>?) throws(WireError) -> String {
        guard let text = json.stringValue else { throw .invalid("\(label): expected a string, got \(json.kindName)") }
        if let length, !length.contains(text.unicodeScalars.count) {
            throw .invalid("\(label): must have \(length.lowerBound) to \(length.upperBound) characters")
        }
        return text
    }
}
