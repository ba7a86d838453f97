/// The system call filter of every sandbox, as the classic BPF program that `bwrap --seccomp` reads (seccomp(2)).
///
/// An allow-list (``AllowedCalls``). What the kernel has and the list has not fails with EPERM, what is newer than the list with
/// ENOSYS, so that programs cope in both cases.
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
        static let notPermitted = error(1)
        static let invalid = error(22)
        static let noSuchCall = error(38)
        static let protocolNotSupported = error(93)
        static let familyNotSupported = error(97)
        private static func error(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }
    }
    private enum Offset {
        static let number: UInt32 = 0
        static let architecture: UInt32 = 4
        /// The low half of an argument: all that the kernel looks at of those which are filtered.
        static func argument(_ index: UInt32) -> UInt32 { 16 + 8 * index }
    }

    init(_ table: SyscallTable = .native) {
        load(Offset.architecture)
        instructions.append(Instruction(code: 0x15, whenTrue: 1, value: table.architecture))
        answer(Result.kill)
        load(Offset.number)
        if let foreign = table.foreignFrom {
            instructions.append(Instruction(code: 0x35, whenFalse: 1, value: foreign))
            answer(Result.noSuchCall)
        }
        let conditional: [(String, (inout SeccompFilter) -> Void)] = [
            ("clone", { $0.filterClone() }), ("socket", { $0.filterSocket() }), ("prctl", { $0.filterOptions() }),
            ("ioctl", { $0.filterRequests() }),
            ("socketpair", { $0.allow(argument: 0, [AllowedCalls.unixFamily], orAnswer: Result.familyNotSupported) }),
            ("personality", { $0.allow(argument: 0, AllowedCalls.personalities, orAnswer: Result.notPermitted) }),
        ]
        var settled: Set<UInt32> = []
        for (name, body) in conditional {
            guard let number = table.numbers[name] else { continue }
            settled.insert(number)
            when(number, body)
        }
        decide(Self.segments(table, besides: settled)[...])
    }

    /// `struct sock_filter` after `struct sock_filter`, in the byte order of the machine.
    var bytes: [UInt8] {
        instructions.flatMap { instruction -> [UInt8] in
            withUnsafeBytes(of: instruction.code) { Array($0) } + [instruction.whenTrue, instruction.whenFalse]
                + withUnsafeBytes(of: instruction.value) { Array($0) }
        }
    }

    // MARK: - Calls without conditions

    private typealias Segment = (first: UInt32, result: UInt32)

    /// Runs of numbers with the same answer; the last one has no end. The settled numbers take any answer.
    private static func segments(_ table: SyscallTable, besides settled: Set<UInt32>) -> [Segment] {
        var results: [UInt32: UInt32] = [:]
        for number in table.numbers.values { results[number] = Result.notPermitted }
        for name in AllowedCalls.absent { table.numbers[name].map { results[$0] = Result.noSuchCall } }
        for name in AllowedCalls.plain { table.numbers[name].map { results[$0] = Result.allow } }
        var segments: [Segment] = []
        for number in 0...(SyscallTable.lastKnown + 1) where !settled.contains(number) {
            let result = results[number] ?? Result.noSuchCall
            if segments.last?.result != result { segments.append((segments.isEmpty ? 0 : number, result)) }
        }
        return segments
    }

    /// A search by halves: a handful of comparisons for every call.
    private mutating func decide(_ segments: ArraySlice<Segment>) {
        guard segments.count > 1 else { return answer(segments.first?.result ?? Result.noSuchCall) }
        let middle = segments.startIndex + segments.count / 2
        let place = instructions.count
        instructions.append(Instruction(code: 0x35, value: segments[middle].first))
        decide(segments[..<middle])
        instructions[place].whenTrue = UInt8(instructions.count - place - 1)
        decide(segments[middle...])
    }

    // MARK: - Calls whose arguments decide

    private mutating func filterClone() {
        load(Offset.argument(0))
        instructions.append(Instruction(code: 0x45, whenFalse: 1, value: AllowedCalls.namespaceFlags))
        answer(Result.notPermitted)
        answer(Result.allow)
    }

    private mutating func filterSocket() {
        load(Offset.argument(0))
        when(AllowedCalls.unixFamily) { $0.answer(Result.allow) }
        for family in AllowedCalls.internetFamilies {
            when(family) {
                $0.allow(argument: 2, AllowedCalls.internetProtocols, orAnswer: Result.protocolNotSupported)
            }
        }
        answer(Result.familyNotSupported)
    }

    /// As of a kernel that does not know the others.
    private mutating func filterOptions() {
        allow(argument: 0, AllowedCalls.processOptions, orAnswer: Result.invalid)
    }

    private mutating func filterRequests() {
        load(Offset.argument(1))
        for range in AllowedCalls.refusedRequests {
            instructions.append(Instruction(code: 0x35, whenFalse: 2, value: range.lowerBound))
            instructions.append(Instruction(code: 0x25, whenTrue: 1, value: range.upperBound))
            answer(Result.notPermitted)
        }
        answer(Result.allow)
    }

    private mutating func allow(argument: UInt32, _ values: [UInt32], orAnswer result: UInt32) {
        load(Offset.argument(argument))
        for value in values { when(value) { $0.answer(Result.allow) } }
        answer(result)
    }

    // MARK: - Instructions

    private mutating func load(_ offset: UInt32) { instructions.append(Instruction(code: 0x20, value: offset)) }
    private mutating func answer(_ result: UInt32) { instructions.append(Instruction(code: 0x06, value: result)) }

    /// Instructions that run only when the loaded word equals `value`; they must end with an answer.
    private mutating func when(_ value: UInt32, _ body: (inout SeccompFilter) -> Void) {
        let place = instructions.count
        instructions.append(Instruction(code: 0x15, value: value))
        body(&self)
        instructions[place].whenFalse = UInt8(instructions.count - place - 1)
    }
}
