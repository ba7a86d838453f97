import ExecdProtocol
import Testing

@testable import Sandbox

@Suite struct StreamMachineTests {
    private let window = ProtocolLimits.initialWindow

    @Test func `the daemon may send a window and not a byte more`() {
        var machine = StreamMachine()
        let step1 = machine.receive([UInt8](repeating: 0, count: window))
        #expect(step1)
        let step2 = machine.receive([0])
        #expect(!step2)
    }

    @Test func `what is read is granted again, in steps or when all is read`() {
        var machine = StreamMachine()
        let step1 = machine.receive([UInt8](repeating: 1, count: 100_000))
        #expect(step1)
        let first = machine.take()
        guard case .bytes(let bytes, let grant) = first else { return #expect(first == .wait) }
        #expect(bytes.count == 65_536 && grant == StreamMachine.windowStep)
        #expect(machine.take() == .bytes([UInt8](repeating: 1, count: 100_000 - 65_536), grant: 100_000 - 65_536))
        #expect(machine.take() == .wait)
        let step2 = machine.receive([UInt8](repeating: 0, count: window))
        #expect(step2)
    }

    @Test func `what was sent before the end is read before it`() {
        var machine = StreamMachine()
        let step1 = machine.receive([1])
        #expect(step1)
        let step2 = machine.end()
        #expect(step2)
        #expect(machine.take() == .bytes([1], grant: 0))
        #expect(machine.take() == .end)
        let step3 = machine.end()
        #expect(!step3)
        let step4 = machine.receive([2])
        #expect(!step4)
    }

    @Test func `sending spends credit and waits without`() {
        var machine = StreamMachine()
        var sent = 0
        while case .count(let count) = machine.reserve(1 << 20) { sent += count }
        #expect(sent == window)
        #expect(machine.reserve(1) == .wait)
        #expect(machine.canWrite == false)
        let step1 = machine.grant(5)
        #expect(step1)
        #expect(machine.reserve(9) == .count(5))
        let step2 = machine.grant(.max)
        #expect(!step2)
    }

    @Test func `both ends in order leave nothing to reset`() {
        var machine = StreamMachine()
        let step1 = machine.finish()
        #expect(step1)
        let step2 = machine.finish()
        #expect(!step2)
        #expect(machine.reserve(1) == .broken)
        #expect(machine.isOver == false)
        let step3 = machine.end()
        #expect(step3)
        #expect(machine.isOver)
        let step4 = machine.reset()
        #expect(!step4)
    }

    @Test func `a reset breaks both ways once`() {
        var machine = StreamMachine()
        let step1 = machine.receive([1])
        #expect(step1)
        let step2 = machine.reset()
        #expect(step2)
        let step3 = machine.reset()
        #expect(!step3)
        #expect(machine.take() == .broken)
        #expect(machine.reserve(1) == .broken)
        let step4 = machine.finish()
        #expect(!step4)
        // What was under way when the stream broke is no violation.
        let step5 = machine.receive([UInt8](repeating: 0, count: window + 1))
        #expect(step5)
    }
}
