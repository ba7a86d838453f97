import TestSupport
import Testing

@testable import Engines

/// The program itself, run as the kernel would, for both architectures.
struct SeccompFilterTests {
    private static let allow: UInt32 = 0x7FFF_0000
    private static let kill: UInt32 = 0x8000_0000
    private static func error(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }

    private static let tables: [SyscallTable] = [.x86, .arm64]

    private func run(_ table: SyscallTable, _ name: String, _ arguments: [UInt64] = []) throws -> UInt32 {
        try run(table, try #require(table.numbers[name]), arguments)
    }

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
            for name in ["clone3", "io_setup", "io_submit"] { #expect(try run(table, name) == Self.error(38)) }
        }
    }

    @Test func `the numbers are those of the kernel's headers`() throws {
        let folder = "/usr/include"
        let places = ["\(folder)/x86_64-linux-gnu/asm", "\(folder)/asm"].map { "\($0)/unistd_64.h" }
        let generic = try #require(Self.defines("\(folder)/asm-generic/unistd.h"))
        #expect(generic.count > 250)
        for (name, number) in generic where number < 451 && !name.hasSuffix("64") && name != "arch_specific_syscall" {
            #expect(
                SyscallTable.arm64.numbers[name] == number || ["fstatat", "sync_file_range2"].contains(name), "\(name)")
        }
        #if arch(x86_64)
            let x86 = try #require(places.lazy.compactMap(Self.defines).first)
            #expect(x86.count > 300)
            for (name, number) in x86 where number <= SyscallTable.lastKnown {
                #expect(SyscallTable.x86.numbers[name] == number, "\(name)")
            }
        #endif
        for table in Self.tables { #expect(Set(table.numbers.values).count == table.numbers.count) }
    }

    /// `#define __NR_name number`.
    private static func defines(_ path: String) -> [String: UInt32]? {
        guard let text = HostView.text(path) else { return nil }
        var found: [String: UInt32] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").flatMap { $0.split(separator: "\t") }
            guard words.count >= 3, words[0] == "#define", let number = UInt32(words[2]) else { continue }
            for prefix in ["__NR_", "__NR3264_"] where words[1].hasPrefix(prefix) {
                found[String(words[1].dropFirst(prefix.count))] = number
            }
        }
        return found
    }

    @Test func `every listed call is one of some architecture, and what is not listed is refused`() throws {
        for name in AllowedCalls.plain + AllowedCalls.absent {
            #expect(Self.tables.contains { $0.numbers[name] != nil }, "\(name)")
        }
        #expect(Set(AllowedCalls.plain).count == AllowedCalls.plain.count)
        let conditional = ["clone", "socket", "socketpair", "ioctl", "prctl", "personality"]
        #expect(Set(AllowedCalls.plain).isDisjoint(with: conditional + AllowedCalls.absent))
        for table in Self.tables {
            for (name, number) in table.numbers where !conditional.contains(name) {
                let expected =
                    AllowedCalls.plain.contains(name)
                    ? Self.allow : Self.error(AllowedCalls.absent.contains(name) ? 38 : 1)
                #expect(try run(table, number) == expected, "\(name)")
            }
            for number in Set(0...SyscallTable.lastKnown).subtracting(table.numbers.values) {
                #expect(try run(table, number) == Self.error(38))
            }
        }
    }

    @Test func `clone makes processes and threads but no namespaces`() throws {
        for table in Self.tables {
            for flags: UInt64 in [17, 0x3D0F00, 0x4111] { #expect(try run(table, "clone", [flags]) == Self.allow) }
            for bit in [17, 25, 26, 27, 28, 29, 30] {
                #expect(try run(table, "clone", [1 << UInt64(bit) | 17]) == Self.error(1))
            }
        }
    }

    @Test func `sockets are local ones and those of the internet`() throws {
        for table in Self.tables {
            for family: UInt64 in [1, 2, 10] { #expect(try run(table, "socket", [family]) == Self.allow) }
            for family: UInt64 in [0, 3, 15, 16, 17, 29, 38, 40, 44, 1 << 20] {
                #expect(try run(table, "socket", [family]) == Self.error(97))
                #expect(try run(table, "socketpair", [family]) == Self.error(97))
            }
            #expect(try run(table, "socketpair", [1, 1]) == Self.allow)
            for family: UInt64 in [2, 10] {
                for kind: UInt64 in [0, 1, 6, 17, 58] {
                    #expect(try run(table, "socket", [family, 2, kind]) == Self.allow)
                }
                // SCTP, DCCP, UDP-Lite, L2TP, MPTCP, and numbers nobody knows.
                for kind: UInt64 in [132, 33, 136, 115, 262, 255, 1 << 31] {
                    #expect(try run(table, "socket", [family, 2, kind]) == Self.error(93))
                }
            }
        }
    }

    @Test func `terminals take no input from programs, and the personality stays`() throws {
        for table in Self.tables {
            for request: UInt64 in [0x5401, 0x5413, 0x541B, 0x5422, 0x5424, 0x893F, 0x8942, 0x89A4, 0x4020_4600] {
                #expect(try run(table, "ioctl", [0, request]) == Self.allow)
            }
            for request: UInt64 in [
                0x5412, 0x541C, 0x541D, 0x5423, 0xFFFF_FFFF_0000_5412, 0x8941, 0x8983, 0x89A0, 0x89A3,
            ] {
                #expect(try run(table, "ioctl", [0, request]) == Self.error(1))
            }
            #expect(try run(table, "personality", [0xFFFF_FFFF]) == Self.allow)
            #expect(try run(table, "personality", [0x0040000]) == Self.error(1))
        }
    }

    @Test func `a process changes what is its own alone`() throws {
        for table in Self.tables {
            for option: UInt64 in [1, 4, 15, 22, 36, 38, 0x5356_4D41] {
                #expect(try run(table, "prctl", [option]) == Self.allow)
            }
            for option: UInt64 in [0, 31, 32, 35, 57, 59, 62, 67, 68, 1 << 31] {
                #expect(try run(table, "prctl", [option]) == Self.error(22))
            }
        }
    }
}
