import ExecdProtocol
import Testing

@testable import Toolset

@Suite struct CallJournalTests {
    @Test func `a call starts once and settles once`() {
        var journal = CallJournal()
        #expect(journal.begin("a") == .started)
        #expect(journal.begin("a") == .alreadyRunning)
        journal.settle("a", .success("1"))
        journal.settle("a", .success("2"))
        #expect(journal.begin("a") == .alreadySettled)
        #expect(journal["a"] == .settled(.success("1")))
        journal.settle("unknown", .success("x"))
        #expect(journal["unknown"] == nil)
    }

    @Test func `old contents go when there are too many, ids stay`() {
        var journal = CallJournal(contentLimit: 10)
        for id in ["a", "b", "c"] {
            _ = journal.begin(id)
            journal.settle(id, .failure("12345678"))
        }
        #expect(journal["a"] == .settled(.failure(CallJournal.dropped)))
        #expect(journal["c"] == .settled(.failure("12345678")))
        #expect(journal.ids == ["a", "b", "c"])
        #expect(journal.begin("a") == .alreadySettled)
    }

    @Test func `a full journal takes no more calls`() {
        var journal = CallJournal(entryLimit: 1)
        #expect(journal.begin("a") == .started)
        #expect(journal.begin("b") == nil)
        #expect(journal.begin("a") == .alreadyRunning)
    }
}
