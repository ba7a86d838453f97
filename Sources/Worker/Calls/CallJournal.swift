/// The journal of one session's calls on this host: a call that may have started is never run again, whatever dies.
actor CallJournal {
    private let path: String
    private let queue: BlockingQueue
    private var records: CallRecords
    private var length: Int

    private init(path: String, queue: BlockingQueue, records: CallRecords) {
        self.path = path
        self.queue = queue
        self.records = records
        length = records.validLength
    }

    /// Reads what an earlier holder on this host wrote.
    /// - Throws: ``WorkerError`` `.journal` when the file exists and cannot be read.
    static func open(_ path: String, queue: BlockingQueue) async throws(WorkerError) -> CallJournal {
        let records = try await queue.run { () throws(WorkerError) in
            CallRecords(parsing: try JournalFile.read(path))
        }
        return CallJournal(path: path, queue: queue, records: records)
    }

    /// True when a holder on this host may have started the call.
    func hasStarted(_ id: String) -> Bool { records.started.contains(id) }

    /// Returns when it is durable that the call starts.
    func start(_ id: String) async throws(WorkerError) { try await append(records.start(id), isDurable: true) }

    /// Notes that the call's answer was accepted. Losing this line costs nothing, so it is not waited for on disk.
    func settle(_ id: String) async throws(WorkerError) { try await append(records.settle(id), isDurable: false) }

    private func append(_ line: String, isDurable: Bool) async throws(WorkerError) {
        let (path, offset) = (path, length)
        // Calls of one session run one at a time, so the next record is written after this one.
        length += line.utf8.count
        do throws(WorkerError) {
            try await queue.run { () throws(WorkerError) in
                try JournalFile.write(Array(line.utf8), at: offset, of: path, isDurable: isDurable)
            }
        } catch {
            length = offset
            throw error
        }
    }

    /// Keeps only what a later holder must know; removes the file when that is nothing.
    func compact() async throws(WorkerError) {
        let (path, text) = (path, records.compacted)
        records = CallRecords(parsing: Array(text.utf8))
        length = text.utf8.count
        try await queue.run { () throws(WorkerError) in try JournalFile.replace(path, with: Array(text.utf8)) }
    }
}
