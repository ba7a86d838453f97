import Unpacking
import Testing

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct SkillTests {
    /// Made by zip 3.0: `probe/SKILL.md` deflated, `probe/run.sh` executable, `probe/link` a symbolic link.
    private func fixture(_ name: String) throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return try JournalFile.read("/\(folder)/Golden/\(name)")
    }

    @Test(arguments: ["skill.zip", "skill.tar", "skill.tar.gz"])
    func `reads the archive formats, strips the top folder and skips links`(name: String) throws {
        let files = try SkillArchive.files(in: try fixture(name)).sorted { $0.path.joined() < $1.path.joined() }
        #expect(files.map { $0.path.joined(separator: "/") } == ["SKILL.md", "data/long.txt", "run.sh"])
        #expect(files.map(\.isExecutable) == [false, false, true])
        #expect(String(decoding: files[0].bytes, as: UTF8.self).hasPrefix("---\nname: probe\n"))
        #expect(files[1].bytes.count == 20_000)
        #expect(String(decoding: files[2].bytes, as: UTF8.self) == "#!/bin/sh\necho probe\n")
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../../b", "a\\b", "a\nb"])
    func `a name that leaves the folder aborts the skill`(name: String) {
        #expect(throws: ArchiveError.self) { try ArchiveFile.safePath(name) }
    }

    @Test(arguments: ["skill.zip", "skill.tar", "skill.tar.gz"])
    func `damaged archives give errors or other bytes, never a crash`(name: String) throws {
        let bytes = try fixture(name)
        for seed in UInt64(1)...150 {
            var random = SeededGenerator(seed: seed)
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            damaged.removeLast(Int.random(in: 0..<min(64, damaged.count), using: &random))
            _ = try? SkillArchive.files(in: damaged)
        }
    }

    @Test func `inflation stops at its limit`() throws {
        let bytes = try fixture("skill.tar.gz")
        #expect(throws: ArchiveError.tooLarge) { try Inflate.gunzip(bytes, limit: 1000) }
    }

    @Test func `skills are in the sandbox before the first call, and a missing one does no harm`() async throws {
        let bench = try WorkerBench()
        let archive = try fixture("skill.zip")
        bench.server.script { state in
            state.sessions["sesn_1"] =
                #"{"status":"running","agent":{"skills":[{"skill_id":"skill_0","version":"latest"},"#
                + #"{"skill_id":"skill_1","version":"latest"}]}}"#
            state.contents["/v1/skills/skill_1/versions/latest"] = Array(#"{"id":"skillver_7","name":"x/probe"}"#.utf8)
            state.contents["/v1/skills/skill_1/versions/skillver_7/content"] = archive
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "go")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the result") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        let puts = bench.provider.log.prefix { $0.hasPrefix("put") }
        #expect(puts.contains("put /workspace/skills/probe/run.sh 755 #!/bin/sh\necho probe\n"))
        #expect(puts.count == 3)
        #expect(bench.provider.log.dropFirst(3) == ["run sevt_1", "destroy sesn_1"])
        let asked = bench.server.requests.filter { $0.path.hasPrefix("/v1/skills") }
        #expect(asked.allSatisfy { $0.headers["anthropic-beta"] == nil })
    }
}
