/// A JSON value as a tree.
///
/// Everything that a client, a worker or a model sends is first parsed into this type, checked, and only then turned
/// into a domain value. Objects keep the order of their members, so what was stored is what is sent.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(Object)

    /// The members of an object in the order in which they were written; look-ups are linear, since wire objects are small.
    public struct Object: Sendable, Hashable, ExpressibleByDictionaryLiteral {
        public var members: [(key: String, value: JSON)]

        public init(_ members: [(key: String, value: JSON)] = []) { self.members = members }
        public init(dictionaryLiteral elements: (String, JSON)...) {
            members = elements.map { (key: $0.0, value: $0.1) }
        }

        public subscript(_ key: String) -> JSON? {
            get { members.first { $0.key == key }?.value }
            set {
                guard let index = members.firstIndex(where: { $0.key == key }) else {
                    if let newValue { members.append((key: key, value: newValue)) }
                    return
                }
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            }
        }

        public var isEmpty: Bool { members.isEmpty }
        public var count: Int { members.count }

        public static func == (left: Object, right: Object) -> Bool {
            left.members.count == right.members.count
                && left.members.allSatisfy { member in right[member.key] == member.value }
        }
        public func hash(into hasher: inout Hasher) { hasher.combine(members.count) }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Object(elements.map { (key: $0.0, value: $0.1) }))
    }
    public init(floatLiteral value: Double) { self = .double(value) }
}

extension JSON {
    public init(_ text: String) { self = .string(text) }
    public init(_ text: String?) { self = text.map(JSON.string) ?? .null }
    public init(_ number: Int) { self = .integer(Int64(number)) }
    public init(_ flag: Bool) { self = .bool(flag) }
    /// An object with string values, such as `metadata`.
    public init(_ map: [(key: String, value: String)]) {
        self = .object(Object(map.map { (key: $0.key, value: .string($0.value)) }))
    }

    /// The member of an object; nil when this is no object or has no such member.
    public subscript(_ key: String) -> JSON? {
        get {
            guard case .object(let object) = self else { return nil }
            return object[key]
        }
        set {
            guard case .object(var object) = self else { return }
            object[key] = newValue
            self = .object(object)
        }
    }

    public var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
    public var boolValue: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }
    /// The number as an integer, when it is one exactly.
    public var intValue: Int? {
        switch self {
        case .integer(let number): Int(exactly: number)
        case .double(let number): Int(exactly: number)
        default: nil
        }
    }
    public var doubleValue: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
    public var arrayValue: [JSON]? {
        guard case .array(let items) = self else { return nil }
        return items
    }
    public var objectValue: Object? {
        guard case .object(let object) = self else { return nil }
        return object
    }
    public var isNull: Bool { self == .null }

    /// The JSON name of this value's kind, for error messages.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
