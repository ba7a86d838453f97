import Testing

@testable import Engines

/// The program itself, run as the kernel would, for both architectures.
struct SeccompFilterTests {
    private static let allow: UInt32 = 0x7FFF_0000
    private static let kill: UInt32 = 0x8000_0000
    private static func error(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }

    private static let tables: [SyscallTable] = [.x86, .arm64]

    /// Classic BPF, as much of it as the filter uses.
    private func run(
        _ table: SyscallTable, _ number: UInt32, _ arguments: [UInt64] = [], architecture: UInt32? = nil
    ) throws -> UInt32 {
        var words = [number, architecture ?? table.architecture, 0, 0]
        for argument in arguments + [UInt64](repeating: 0, count: 6 - arguments.count) {
            words += [UInt32(truncatingIfNeeded: argument), UInt32(truncatingIfNeeded: argument >> 32)]
        }
        let program = SeccompFilter(table).instructions
        var loaded: UInt32 = 0
        var place = 0
        while place < program.count {
            let step = program[place]
            place += 1
            switch step.code {
            case 0x20: loaded = words[Int(step.value) / 4]
            case 0x06: return step.value
            case 0x15: place += Int(loaded == step.value ? step.whenTrue : step.whenFalse)
            case 0x25: place += Int(loaded > step.value ? step.whenTrue : step.whenFalse)
            case 0x35: place += Int(loaded >= step.value ? step.whenTrue : step.whenFalse)
            case 0x45: place += Int(loaded & step.value != 0 ? step.whenTrue : step.whenFalse)
            default: throw NamespaceRig.Failure("unknown instruction \(step.code)")
            }
        }
        throw NamespaceRig.Failure("ran past the end")
    }

    @Test func `every number and argument ends in an answer, and jumps stay inside`() throws {
        for table in Self.tables {
            let program = SeccompFilter(table).instructions
            #expect(program.count < 4096)
            for (place, step) in program.enumerated() where step.code & 0x07 == 0x05 {
                #expect(place + 1 + Int(max(step.whenTrue, step.whenFalse)) < program.count)
            }
            for number in 0..<600 as Range<UInt32> {
                for argument in [0, 1, 0x5412, 0x1000_0000, 0xFFFF_FFFF, 1 << 40] as [UInt64] {
                    _ = try run(table, number, [argument, argument])
                }
            }
        }
    }

    @Test func `a foreign architecture ends the process`() throws {
        #expect(try run(.x86, 0, architecture: 0x4000_0003) == Self.kill)
        #expect(try run(.x86, 0, architecture: 0xC000_00B7) == Self.kill)
        #expect(try run(.arm64, 0, architecture: 0x4000_0028) == Self.kill)
        #expect(try run(.x86, 0x4000_0000) == Self.error(38))
    }

    @Test func `ordinary calls pass and calls of the future do not exist`() throws {
        for number: UInt32 in [0, 1, 9, 59, 202, 257, 437] { #expect(try run(.x86, number) == Self.allow) }
        for number: UInt32 in [63, 64, 98, 221, 222, 437] { #expect(try run(.arm64, number) == Self.allow) }
        for table in Self.tables {
            for number in 467..<1000 as Range<UInt32> { #expect(try run(table, number) == Self.error(38)) }
            #expect(try run(table, table.clone3) == Self.error(38))
        }
    }

    @Test func `clone makes processes and threads but no namespaces`() throws {
        for table in Self.tables {
            for flags: UInt64 in [17, 0x3D0F00, 0x4111] { #expect(try run(table, table.clone, [flags]) == Self.allow) }
            for bit in [17, 25, 26, 27, 28, 29, 30] {
                #expect(try run(table, table.clone, [1 << UInt64(bit) | 17]) == Self.error(1))
            }
        }
    }

    @Test func `sockets are local ones and those of the internet`() throws {
        for table in Self.tables {
            for family: UInt64 in [1, 2, 10] { #expect(try run(table, table.socket, [family]) == Self.allow) }
            for family: UInt64 in [0, 3, 15, 16, 17, 29, 38, 40, 44, 1 << 20] {
                #expect(try run(table, table.socket, [family]) == Self.error(97))
            }
        }
    }

    @Test func `terminals take no input from programs, and the personality stays`() throws {
        for table in Self.tables {
            #expect(try run(table, table.ioctl, [0, 0x5401]) == Self.allow)
            for request: UInt64 in [0x5412, 0x541C, 0x5423, 0xFFFF_FFFF_0000_5412] {
                #expect(try run(table, table.ioctl, [0, request]) == Self.error(1))
            }
            #expect(try run(table, table.personality, [0xFFFF_FFFF]) == Self.allow)
            #expect(try run(table, table.personality, [0x0040000]) == Self.error(1))
        }
    }
}
