import Sandbox
import Testing
import Wire

@testable import Engines

/// What the engine writes and reads without running anything.
@Suite struct MicroVMFormatTests {
    @Test func `the first file system is what the kernel unpacks`() throws {
        var archive = InitramfsArchive()
        archive.add(folder: "dev")
        archive.add(file: "init", mode: 0o755, Array("abcde".utf8))
        let bytes = archive.finished()
        #expect(bytes.count % 4 == 0)
        let entries = try CpioReader.entries(bytes)
        #expect(entries.map(\.name) == ["dev", "init", "TRAILER!!!"])
        #expect(entries[0].mode == 0o040755)
        #expect(entries[1].mode == 0o100755 && entries[1].content == Array("abcde".utf8))
        // Two files with one number would be links to each other.
        #expect(Set(entries.map(\.number)).count == 3)
    }

    private func command(_ memory: QEMUCommand.Memory, isEmulated: Bool, boots: Bool) -> [String] {
        QEMUCommand(
            mebibytes: 256, processors: 2, isEmulated: isEmulated, timeStampKilohertz: 2_500_000, memory: memory,
            boots: boots
        ).arguments
    }

    @Test func `every machine is confined, has no network, and names no file of the host`() {
        for memory in [.template, .copy, .own] as [QEMUCommand.Memory] {
            for isEmulated in [true, false] {
                for boots in [true, false] {
                    let words = command(memory, isEmulated: isEmulated, boots: boots)
                    let all = words.joined(separator: " ")
                    #expect(
                        all.contains(
                            "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"))
                    #expect(all.contains("-nodefaults") && all.contains("-no-user-config"))
                    for sign in ["net", "usb", "vnc", "virtfs", "pci"] { #expect(!all.contains(sign)) }
                    #expect(all.contains(isEmulated ? "-accel tcg" : "-accel kvm"))
                    #expect(all.contains("tsc_early_khz=2500000") == (isEmulated && boots))
                    #expect(all.contains("-incoming defer") != boots)
                    #expect(all.contains("mitigations=off") == (isEmulated && boots))
                    for path in all.split(whereSeparator: { " ,=:".contains($0) }) where path.hasPrefix("/") {
                        let known = ["/proc/self/fd/", "/dev/fdset/", "/dev/vport0p1", "/dev/vport0p2", "/init", "/"]
                        #expect(known.contains { path == $0 || $0.hasSuffix("/") && $0 != "/" && path.hasPrefix($0) })
                    }
                }
            }
        }
    }

    @Test func `the root can only be read, and memory is written to only by its template`() {
        let copy = command(.copy, isEmulated: true, boots: false).joined(separator: " ")
        #expect(copy.contains("id=root,format=raw,readonly=on"))
        #expect(copy.contains("id=work,format=raw,readonly=off"))
        #expect(copy.contains("share=off") && !copy.contains("share=on"))
        #expect(command(.template, isEmulated: true, boots: true).joined().contains("share=on"))
        #expect(command(.own, isEmulated: true, boots: false).joined().contains("memory-backend-ram"))
    }

    @Test func `replies of QEMU are told apart, and anything else is none`() {
        let lines: [(String, QMPReply?)] = [
            (#"{"QMP": {"version": {}, "capabilities": []}}"#, .greeting),
            (#"{"return": {"status": "running"}}"#, .result(["status": "running"])),
            (#"{"error": {"class": "GenericError", "desc": "no"}}"#, .failure("no")),
            (#"{"event": "STOP", "timestamp": {}}"#, .event("STOP")),
            ("{}", nil), ("[1]", nil), ("", nil), ("\0\0", nil), (#"{"event": 1}"#, nil),
            (String(repeating: "[", count: 100_000), nil),
        ]
        for (line, reply) in lines { #expect(QMPReply(parsing: Array(line.utf8)) == reply, "\(line.prefix(40))") }
        let long = #"{"error": {"desc": "\#(String(repeating: "x", count: 5000))"}}"#
        #expect(QMPReply(parsing: Array(long.utf8)) == .failure(String(repeating: "x", count: 400)))
    }

    private func spec(_ change: (inout SandboxSpec) -> Void = { _ in }) throws -> SandboxSpec {
        var spec = SandboxSpec(
            id: try #require(SandboxID("a")), limits: ResourceLimits(memoryBytes: 256 << 20, processes: 50))
        change(&spec)
        return spec
    }

    private func record() throws -> MachineRecord {
        MachineRecord(try spec(), token: ExecdToken(), mebibytes: 256, processors: 1, format: "qemu-7+root")
    }

    @Test func `a ledger is read back as it was written, and nothing else is a ledger`() throws {
        let record = try record()
        let ledger = MachineLedger(process: SandboxLedger(pid: 4711, startedAt: 17, hasProxy: false), record: record)
        #expect(MachineLedger(parsing: ledger.text) == ledger)
        #expect(MachineRecord(parsing: record.text) == record)
        #expect(!"\(record.token)".contains(record.token.exposed.prefix(8)))
        let bad = [
            "", ledger.process.text, record.text, ledger.text + "x",
            record.text.replacing("machine-1", with: "machine-2"),
            record.text.replacing(record.token.exposed, with: "short"), record.text + " more",
            record.text.replacing("256", with: "-1"), "\0\0\0",
        ]
        for text in bad {
            #expect(MachineLedger(parsing: text) == nil)
            if text != record.text { #expect(MachineRecord(parsing: text) == nil) }
        }
    }

    @Test func `a machine serves only requests that it is within`() throws {
        let record = try record()
        #expect(record.refusal(of: try spec()) == nil)
        #expect(record.refusal(of: try spec { $0.limits.memoryBytes = 1 << 30 }) == nil)
        let changes: [(inout SandboxSpec) -> Void] = [
            { $0.limits.memoryBytes = 255 << 20 }, { $0.limits.processes = 49 },
            { $0.network = .allow(hosts: ["example.com"]) },
        ]
        for change in changes { #expect(record.refusal(of: try spec(change)) != nil) }
    }
}

/// An independent reader of the "newc" form.
private enum CpioReader {
    struct Entry {
        var name: String
        var number: Int
        var mode: Int
        var content: [UInt8]
    }
    struct Malformed: Error {}

    static func entries(_ bytes: [UInt8]) throws -> [Entry] {
        var entries: [Entry] = []
        var place = 0
        while place < bytes.count {
            guard bytes.count - place >= 110 else { throw Malformed() }
            let head = String(decoding: bytes[place..<place + 110], as: UTF8.self)
            guard head.hasPrefix("070701") else { throw Malformed() }
            let fields = stride(from: 6, to: 110, by: 8).compactMap { offset in
                Int(head.dropFirst(offset).prefix(8), radix: 16)
            }
            let nameStart = place + 110
            let name = String(decoding: bytes[nameStart..<nameStart + fields[11] - 1], as: UTF8.self)
            let start = (nameStart + fields[11] + 3) / 4 * 4
            entries.append(
                Entry(
                    name: name, number: fields[0], mode: fields[1], content: Array(bytes[start..<start + fields[6]])))
            place = (start + fields[6] + 3) / 4 * 4
        }
        return entries
    }
}
