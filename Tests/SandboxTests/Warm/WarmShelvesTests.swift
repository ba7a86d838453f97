import Testing

@testable import Sandbox

@Suite final class WarmShelvesTests {
    private var shelves = WarmShelves<Int>(bound: 3)
    private var made = 0

    private func spec(_ owner: String, _ count: Int? = nil, memory: Int = 1 << 30) throws -> SandboxSpec {
        SandboxSpec(
            id: try #require(SandboxID("session")), limits: ResourceLimits(memoryBytes: memory),
            warm: WarmWish(owner: owner, count: count))
    }

    /// One request, and everything made that follows from it.
    private func ask(_ spec: SandboxSpec) -> WarmShelves<Int>.Orders {
        var next = made
        let orders = shelves.ask(like: spec) {
            next += 1
            return SandboxID("warm-\(next)")
        }
        for name in orders.make {
            made += 1
            let isWanted = shelves.made(spec.renamed(name), made)
            #expect(isWanted)
        }
        return orders
    }

    private func take(_ spec: SandboxSpec) -> Int? { shelves.take(like: spec)?.item }
    private func comes(_ spec: SandboxSpec, _ item: Int) -> Bool { shelves.made(spec, item) }

    @Test func `an owner gets what it asks for, within the bound`() throws {
        #expect(ask(try spec("a", 2)).make.count == 2)
        #expect(ask(try spec("a", 2)).make == [])
        #expect(ask(try spec("b", 9)).make.count == 3, "the bound is the pool's")
        #expect(shelves.readyCount == 3)
        #expect(ask(try spec("c", 0)).make == [])
        #expect(shelves.readyCount == 3)
    }

    @Test func `who asks now takes the places of who asked longest ago`() throws {
        _ = ask(try spec("a", 1))
        _ = ask(try spec("b", 1))
        _ = ask(try spec("a", 1))
        let orders = ask(try spec("c", 2))
        #expect(orders.make.count == 2 && orders.end == [2], "one place was free, the other was b's")
        #expect(take(try spec("b")) == nil)
        #expect(take(try spec("a")) == 1)
    }

    @Test func `a sandbox is for its owner and its shape only`() throws {
        _ = ask(try spec("a", 1))
        #expect(take(try spec("b")) == nil)
        #expect(take(try spec("a", memory: 1 << 29)) == nil)
        #expect(take(try spec("a")) != nil)
        #expect(take(try spec("a")) == nil)
    }

    @Test func `another shape replaces what was kept, and fewer are kept when fewer are asked for`() throws {
        _ = ask(try spec("a", 2))
        let orders = ask(try spec("a", 3, memory: 1 << 29))
        #expect(orders.end == [1, 2] && orders.make.count == 3)
        #expect(ask(try spec("a", 1, memory: 1 << 29)).end == [5, 4])
        #expect(ask(try spec("a", 0, memory: 1 << 29)).end == [3])
        #expect(shelves.names == [])
    }

    @Test func `one that is made too late is not wanted`() throws {
        let name = try #require(SandboxID("warm-late"))
        _ = shelves.ask(like: try spec("a", 1)) { name }
        _ = shelves.ask(like: try spec("a", 1, memory: 1 << 29)) { SandboxID("warm-new") }
        let new = try #require(SandboxID("warm-new"))
        #expect(shelves.names == [name, new])
        #expect(!comes(try spec("a", 1).renamed(name), 1))
        #expect(shelves.names == [new])
        let left = shelves.close()
        #expect(left == [])
        #expect(!comes(try spec("a", 1, memory: 1 << 29).renamed(new), 2))
        #expect(ask(try spec("a")).make == [])
    }

    @Test func `what is being taken belongs to the pool until it is settled`() throws {
        _ = ask(try spec("a", 1))
        let taken = shelves.take(like: try spec("a"))
        let name = try #require(taken?.spec.id)
        #expect(shelves.names == [name])
        shelves.settled(name)
        #expect(shelves.names == [])
    }
}
