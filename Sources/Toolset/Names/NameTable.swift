/// Which name each address of 127.64.0.0/10 stands for. Pure.
///
/// A name's address follows from the name, so that it is the same again after the table has forgotten it; only where two
/// names meet does the later one get the next. What was used longest ago makes room.
package struct NameTable: Sendable {
    package struct Entry: Equatable, Sendable {
        package var name: String
        package var ports: [UInt16]
        var use: UInt64
    }
    private static let base: UInt32 = 127 << 24 | 64 << 16
    private static let size: UInt32 = 1 << 22

    private let limit: Int
    private var entries: [UInt32: Entry] = [:]
    private var addresses: [String: UInt32] = [:]
    private var uses: UInt64 = 0

    package init(limit: Int) { self.limit = limit }

    package var count: Int { entries.count }

    package subscript(address address: UInt32) -> Entry? { entries[address] }

    /// The address of a name, whose entry counts as used now.
    /// - Returns: also the address that made room for it.
    package mutating func put(_ name: String, ports: [UInt16]) -> (address: UInt32, evicted: UInt32?) {
        uses += 1
        if let address = addresses[name] {
            entries[address] = Entry(name: name, ports: ports, use: uses)
            return (address, nil)
        }
        var evicted: UInt32?
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.use < $1.value.use }) {
            evicted = oldest.key
            entries[oldest.key] = nil
            addresses[oldest.value.name] = nil
        }
        var offset = Self.hash(name) % Self.size
        while entries[Self.base + offset] != nil || Self.isAwkward(offset) { offset = (offset + 1) % Self.size }
        let address = Self.base + offset
        entries[address] = Entry(name: name, ports: ports, use: uses)
        addresses[name] = address
        return (address, evicted)
    }

    /// Says that a connection to the address has come.
    package mutating func use(_ address: UInt32) {
        uses += 1
        entries[address]?.use = uses
    }

    /// Ends that some programs take for a network or a broadcast.
    private static func isAwkward(_ offset: UInt32) -> Bool { offset & 0xFF == 0 || offset & 0xFF == 0xFF }

    /// FNV-1a: who chooses names only decides over addresses of its own sandbox.
    private static func hash(_ name: String) -> UInt32 {
        name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}
