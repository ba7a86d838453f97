/// What the programs of a session get beside what the sandbox has: variables, and certificate authorities to trust.
///
/// It stands for itself: what an earlier one brought and this one does not name goes away. Prints nothing of its values.
package struct Configuration: Sendable, Equatable {
    package var variables: [String: String]
    /// PEM text; empty for none.
    package var authorities: String

    package static let maxVariables = 256
    package static let maxName = 128
    /// The kernel takes 128 KiB for one variable with its name (`MAX_ARG_STRLEN`).
    package static let maxValue = 64 << 10
    /// Bytes of all names and values: what programs start with, arguments too, has 2 MiB where the stack has its usual 8.
    package static let maxVariableBytes = 256 << 10
    package static let maxAuthorities = 256 << 10

    package init(variables: [String: String] = [:], authorities: String = "") {
        self.variables = variables
        self.authorities = authorities
    }

    /// Why it cannot be taken, for people; nil when it can. Names no value.
    package var refusal: String? {
        for name in variables.keys.sorted() {
            if let refusal = VariableName.refusal(of: name) { return refusal }
        }
        guard variables.count <= Self.maxVariables else {
            return "a session has at most \(Self.maxVariables) variables"
        }
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if value.utf8.count > Self.maxValue { return "the value of \(name) is longer than \(Self.maxValue) bytes" }
            if value.utf8.contains(0) { return "the value of \(name) contains a NUL byte" }
        }
        guard variables.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= Self.maxVariableBytes else {
            return "the variables of a session have at most \(Self.maxVariableBytes) bytes together"
        }
        guard authorities.utf8.count <= Self.maxAuthorities else {
            return "the certificates of a session have at most \(Self.maxAuthorities) bytes"
        }
        return nil
    }

    init(from reader: inout FieldReader) throws(ProtocolError) {
        let count = Int(try reader.uint16())
        guard count <= Self.maxVariables else { throw .tooLong(count) }
        variables = [:]
        for _ in 0..<count {
            let name = try reader.text("name", limit: Self.maxName)
            guard variables.updateValue(try reader.text("value", limit: Self.maxValue), forKey: name) == nil else {
                throw .invalidField("name")
            }
        }
        authorities = try reader.text("authorities", limit: Self.maxAuthorities)
    }

    func append(to writer: inout FieldWriter) {
        writer.put(UInt16(truncatingIfNeeded: variables.count))
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            writer.put(name)
            writer.put(value)
        }
        writer.put(authorities)
    }
}

extension Configuration: CustomStringConvertible, CustomReflectable {
    package var description: String { "\(variables.count) variables, \(authorities.utf8.count) bytes of certificates" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
