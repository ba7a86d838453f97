import Testing

@testable import Worker

@Suite struct CallJournalTests {
    @Test func `a torn last line does not count and broken lines are skipped`() {
        let text = "started a\nsettled a\nstarted b\nnonsense\nstarted b c\nstarted ../x\nstarted d"
        let records = CallRecords(parsing: Array(text.utf8))
        #expect(records.started == ["a", "b"])
        #expect(records.unsettled == ["b"])
        #expect(records.validLength == text.utf8.count - "started d".utf8.count)
        #expect(records.compacted == "started b\n")
    }

    @Test(arguments: UInt64(1)...30) func `a journal cut anywhere says no more than was written`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var records = CallRecords()
        var text = ""
        for number in 0..<20 {
            text += records.start("c\(number)")
            if Bool.random(using: &random) { text += records.settle("c\(number)") }
        }
        let cut = Int.random(in: 0...text.utf8.count, using: &random)
        let read = CallRecords(parsing: Array(text.utf8.prefix(cut)))
        #expect(read.started.isSubset(of: records.started))
        #expect(read.settled.isSubset(of: records.settled))
    }

    @Test func `what was started is known after a restart, also behind a torn line`() async throws {
        let queue = BlockingQueue(label: "journal-tests")
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/sesn_1/calls.journal"
        let first = try await CallJournal.open(path, queue: queue)
        try await first.start("a")
        try await first.settle("a")
        try await first.start("b")
        let bytes = try JournalFile.read(path)
        try JournalFile.write(Array("start".utf8), at: bytes.count, of: path, isDurable: false)
        let second = try await CallJournal.open(path, queue: queue)
        #expect(await second.hasStarted("b"))
        #expect(await second.hasStarted("c") == false)
        try await second.start("c")
        #expect(
            String(decoding: try JournalFile.read(path), as: UTF8.self)
                == "started a\nsettled a\nstarted b\nstarted c\n")
        try await second.compact()
        #expect(String(decoding: try JournalFile.read(path), as: UTF8.self) == "started b\nstarted c\n")
        try await second.settle("b")
        try await second.settle("c")
        try await second.compact()
        #expect(JournalFile.age(path) == nil)
    }

    @Test func `a journal that cannot be written refuses the call`() async throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let journal = try await CallJournal.open(folder + "/plain/calls.journal", queue: BlockingQueue(label: "x"))
        try JournalFile.touch(folder + "/plain")
        await #expect(throws: WorkerError.self) { try await journal.start("a") }
    }
}
