/// The system call filter of every sandbox, as the classic BPF program that `bwrap --seccomp` reads (seccomp(2)).
///
/// It takes away what widens the kernel's surface or builds new privileges: mounts, namespaces, tracing, keys, BPF, io_uring,
/// modules, clocks, and all socket families but unix and internet ones. Denied calls fail with EPERM, so programs can cope.
struct SeccompFilter: Sendable {
    struct Instruction: Equatable, Sendable {
        var code: UInt16
        var whenTrue: UInt8 = 0
        var whenFalse: UInt8 = 0
        var value: UInt32
    }

    private(set) var instructions: [Instruction] = []

    private enum Result {
        static let allow: UInt32 = 0x7FFF_0000
        static let kill: UInt32 = 0x8000_0000
        static func error(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }
    }
    private static let operationNotPermitted: UInt32 = 1
    private static let noSuchCall: UInt32 = 38
    private static let familyNotSupported: UInt32 = 97
    /// Every CLONE_NEW… flag that clone(2) takes.
    private static let namespaceFlags: UInt32 = 0x7E02_0000
    private static let families: [UInt32] = [1, 2, 10]
    /// TIOCSTI and TIOCLINUX put text into somebody's terminal, TIOCSETD loads line disciplines.
    private static let terminalRequests: [UInt32] = [0x5412, 0x541C, 0x5423]

    init(_ table: SyscallTable = .native) {
        load(offset: 4)
        jump(equal: table.architecture, skipFalse: 0, orReturn: Result.kill)
        load(offset: 0)
        if let foreign = table.foreignFrom {
            instructions.append(Instruction(code: 0x35, whenTrue: 0, whenFalse: 1, value: foreign))
            answer(Result.error(Self.noSuchCall))
        }
        instructions.append(Instruction(code: 0x25, whenTrue: 0, whenFalse: 1, value: SyscallTable.lastKnown))
        answer(Result.error(Self.noSuchCall))
        for number in table.denied { when(number) { $0.answer(Result.error(Self.operationNotPermitted)) } }
        // Its flags lie in memory, where a filter cannot look; the C library falls back to clone.
        when(table.clone3) { $0.answer(Result.error(Self.noSuchCall)) }
        when(table.clone) { filter in
            filter.load(offset: 16)
            filter.instructions.append(Instruction(code: 0x45, whenTrue: 0, whenFalse: 1, value: Self.namespaceFlags))
            filter.answer(Result.error(Self.operationNotPermitted))
            filter.answer(Result.allow)
        }
        when(table.socket) { filter in
            filter.load(offset: 16)
            for family in Self.families { filter.when(family) { $0.answer(Result.allow) } }
            filter.answer(Result.error(Self.familyNotSupported))
        }
        when(table.ioctl) { filter in
            filter.load(offset: 24)
            for request in Self.terminalRequests {
                filter.when(request) { $0.answer(Result.error(Self.operationNotPermitted)) }
            }
            filter.answer(Result.allow)
        }
        when(table.personality) { filter in
            filter.load(offset: 16)
            // The plain one, and the question which one is set.
            for value: UInt32 in [0, 0xFFFF_FFFF] { filter.when(value) { $0.answer(Result.allow) } }
            filter.answer(Result.error(Self.operationNotPermitted))
        }
        answer(Result.allow)
    }

    /// `struct sock_filter` after `struct sock_filter`, in the byte order of the machine.
    var bytes: [UInt8] {
        instructions.flatMap { instruction -> [UInt8] in
            withUnsafeBytes(of: instruction.code) { Array($0) } + [instruction.whenTrue, instruction.whenFalse]
                + withUnsafeBytes(of: instruction.value) { Array($0) }
        }
    }

    private mutating func load(offset: UInt32) { instructions.append(Instruction(code: 0x20, value: offset)) }
    private mutating func answer(_ result: UInt32) { instructions.append(Instruction(code: 0x06, value: result)) }

    private mutating func jump(equal value: UInt32, skipFalse: UInt8, orReturn result: UInt32) {
        instructions.append(Instruction(code: 0x15, whenTrue: 1, whenFalse: skipFalse, value: value))
        answer(result)
    }

    /// Instructions that run only when the loaded word equals `value`; they must end with an answer.
    private mutating func when(_ value: UInt32, _ body: (inout SeccompFilter) -> Void) {
        let place = instructions.count
        instructions.append(Instruction(code: 0x15, value: value))
        body(&self)
        instructions[place].whenFalse = UInt8(instructions.count - place - 1)
    }
}
