/// Decides what a warm pool keeps: one shelf for each owner, all of them together within one bound. Pure.
///
/// A shelf holds sandboxes of the shape that its owner asked for last. When the bound leaves no room for an owner that
/// asks now, the owners that asked longest ago lose theirs.
struct WarmShelves<Item: Sendable>: Sendable {
    struct Ready: Sendable {
        var spec: SandboxSpec
        var item: Item
    }
    /// What follows from a request.
    struct Orders: Sendable {
        /// Names of sandboxes to make, like the request.
        var make: [SandboxID] = []
        /// No longer wanted.
        var end: [Item] = []
    }
    private struct Shelf: Sendable {
        var latest: SandboxSpec
        var ready: [Ready] = []
        var making: Set<SandboxID> = []
        /// When it was asked last, in requests.
        var asked = 0
        var count: Int { ready.count + making.count }
    }

    private let bound: Int
    private var shelves: [String: Shelf] = [:]
    /// On no shelf, and still the pool's: taken and not written down yet, or being made for nobody. A sweep leaves them alone.
    private var lent: Set<SandboxID> = []
    private var requests = 0
    private var isClosed = false

    init(bound: Int) { self.bound = bound }

    var readyCount: Int { shelves.values.reduce(0) { $0 + $1.ready.count } }
    /// Every name that the pool is responsible for.
    var names: Set<SandboxID> {
        shelves.values.reduce(into: lent) { names, shelf in
            names.formUnion(shelf.making)
            names.formUnion(shelf.ready.map(\.spec.id))
        }
    }

    /// A ready sandbox of that owner and shape, lent to the caller until ``settled(_:)``.
    mutating func take(like spec: SandboxSpec) -> Ready? {
        guard let place = shelves[spec.warm.owner]?.ready.firstIndex(where: { $0.spec.hasShape(of: spec) }) else {
            return nil
        }
        guard let ready = shelves[spec.warm.owner]?.ready.remove(at: place) else { return nil }
        lent.insert(ready.spec.id)
        return ready
    }

    /// The lent sandbox is somebody's now, or gone.
    mutating func settled(_ name: SandboxID) { lent.remove(name) }

    /// What to make and to end after a request.
    /// - Parameter name: gives a new name each time.
    mutating func ask(like spec: SandboxSpec, name: () -> SandboxID?) -> Orders {
        guard !isClosed else { return Orders() }
        requests += 1
        var shelf = shelves[spec.warm.owner] ?? Shelf(latest: spec)
        if !shelf.latest.hasShape(of: spec) {
            lent.formUnion(shelf.making)
            shelf.making = []
        }
        shelf.latest = spec
        shelf.asked = requests
        let wanted = min(spec.warm.count ?? bound, bound)
        var orders = Orders()
        orders.end = shelf.ready.filter { !$0.spec.hasShape(of: spec) }.map(\.item)
        shelf.ready.removeAll { !$0.spec.hasShape(of: spec) }
        while shelf.ready.count > wanted { orders.end.append(shelf.ready.removeLast().item) }
        shelves[spec.warm.owner] = shelf
        let missing = max(0, wanted - shelf.count)
        let room = makeRoom(for: missing, of: spec.warm.owner, &orders)
        orders.make = (0..<min(missing, room)).compactMap { _ in name() }
        shelves[spec.warm.owner]?.making.formUnion(orders.make)
        if wanted == 0, shelves[spec.warm.owner]?.count == 0 { shelves[spec.warm.owner] = nil }
        return orders
    }

    /// Takes from the shelves that were asked longest ago, and returns how many places are free.
    private mutating func makeRoom(for missing: Int, of owner: String, _ orders: inout Orders) -> Int {
        var free = bound - shelves.values.reduce(0) { $0 + $1.count }
        for (other, shelf) in shelves.sorted(by: { $0.value.asked < $1.value.asked }) where other != owner {
            while free < missing, let last = shelves[other]?.ready.popLast() {
                orders.end.append(last.item)
                free += 1
            }
            if shelves[other]?.count == 0, shelf.count > 0 { shelves[other] = nil }
        }
        return max(0, free)
    }

    /// - Returns: false when nobody wants it any more.
    mutating func made(_ spec: SandboxSpec, _ item: Item) -> Bool {
        guard !isClosed, shelves[spec.warm.owner]?.making.remove(spec.id) != nil else {
            lent.remove(spec.id)
            return false
        }
        shelves[spec.warm.owner]?.ready.append(Ready(spec: spec, item: item))
        return true
    }

    mutating func notMade(_ spec: SandboxSpec) {
        shelves[spec.warm.owner]?.making.remove(spec.id)
        lent.remove(spec.id)
    }

    /// Nothing is made or kept afterwards.
    mutating func close() -> [Item] {
        isClosed = true
        defer { shelves = [:] }
        return shelves.values.flatMap { $0.ready.map(\.item) }
    }
}
