import ExecdProtocol
import Testing

@testable import Sandbox

@Suite struct RequestMachineTests {
    @Test func `streams are odd and new`() throws {
        var machine = RequestMachine()
        let streams = [try machine.begin(.hello), try machine.begin(.call), try machine.begin(.put)]
        #expect(streams == [0, 1, 3])
    }

    @Test func `an early fault waits for whoever asks`() throws {
        var machine = RequestMachine()
        let stream = try machine.begin(.put)
        #expect(machine.receive(.fault(Fault(.denied, "no")), on: stream) == .settled)
        #expect(machine.receive(.putDone, on: stream) == .nothing)
        guard case .failure(let error)? = machine.take(stream) else { return #expect(machine.isOpen(stream)) }
        #expect(error.code == .unsupported && error.message == "no")
        #expect(machine.isOpen(stream) == false)
    }

    @Test func `the first reason of the end stays for all`() throws {
        var machine = RequestMachine()
        let stream = try machine.begin(.call)
        #expect(machine.close(with: SandboxError(.protocolViolation, "one")) == [stream])
        #expect(machine.close(with: SandboxError(.lost, "two")).isEmpty)
        guard case .failure(let error)? = machine.take(stream) else { return #expect(machine.isOpen(stream)) }
        #expect(error.message == "one" && machine.end?.message == "one")
        do throws(SandboxError) {
            _ = try machine.begin(.call)
            Issue.record("asked after the end")
        } catch {
            #expect(error.message == "one")
        }
    }

    @Test func `an answer that came before the end is kept`() throws {
        var machine = RequestMachine()
        let stream = try machine.begin(.call)
        #expect(machine.receive(.result(.success("x")), on: stream) == .settled)
        #expect(machine.close(with: SandboxError(.lost, "gone")).isEmpty)
        guard case .success(let answer)? = machine.take(stream) else { return #expect(machine.isOpen(stream)) }
        #expect(answer == .result(.success("x")))
    }

    @Test func `only so many requests are under way`() throws {
        var machine = RequestMachine()
        for _ in 0..<RequestMachine.maximumOpen { _ = try machine.begin(.call) }
        do throws(SandboxError) {
            _ = try machine.begin(.call)
            Issue.record("one request too many")
        } catch {
            #expect(error.code == .quotaExceeded)
        }
    }
}
