import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension OCITests {
    /// A worker is killed at every step; the next one finds what it left.
    @Suite(.serialized) struct Crashes {
        static let runtimes: [OCIRuntime] = [.crun, .runc, .runsc]

        /// Stands before the runtime and kills the worker that started it.
        enum Killer: String, CaseIterable, Sendable {
            case before, longBefore, after

            func script(_ real: String) -> String {
                switch self {
                case .before: "kill -9 $PPID\nexec \(real) \"$@\"\n"
                case .longBefore: "kill -9 $PPID\nsleep 0.2\nexec \(real) \"$@\"\n"
                case .after: "\(real) \"$@\"\nkill -9 $PPID\n"
                }
            }
        }

        static func create(
            _ runtime: String, in folder: String, rootfs: String, path: String?, _ name: String
        ) async throws -> any Sandbox {
            let engine = OCIRig.engine(
                try #require(OCIRuntime(rawValue: runtime)), in: folder, rootfs: rootfs, path: path)
            return try await engine.provision(
                SandboxSpec(id: try #require(SandboxID(name)), limits: NamespaceRig.limits))
        }

        @Test(arguments: runtimes, Killer.allCases)
        func `nothing is left of a worker that was killed beside its runtime`(
            _ runtime: OCIRuntime, _ killer: Killer
        ) async throws {
            try await OCIRig.with(runtime) { rig in
                let real = try #require(runtime.path(chosen: nil))
                let path = "\(rig.folder)/killer"
                try ProgramFile.write("#!/bin/sh\n" + killer.script(real), to: path)
                let (folder, rootfs, name) = (rig.folder, OCIRootfs.path, try rig.id().rawValue)
                let kind = runtime.rawValue
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        folder = folder as String, rootfs = rootfs as String, name = name as String,
                        kind = kind as String, path = path as String
                    ] in
                    _ = try await Crashes.create(kind, in: folder, rootfs: rootfs, path: path, name)
                }
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [])
            }
        }

        @Test(arguments: runtimes, 0..<6)
        func `nothing is left of a worker that was killed at a moment`(
            _ runtime: OCIRuntime, _ moment: Int
        ) async throws {
            try await OCIRig.with(runtime) { rig in
                let (folder, rootfs, name) = (rig.folder, OCIRootfs.path, try rig.id().rawValue)
                let kind = runtime.rawValue
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        folder = folder as String, rootfs = rootfs as String, name = name as String,
                        kind = kind as String, moment = moment as Int
                    ] in
                    let killer = Task.detached {
                        try await Task.sleep(for: .milliseconds(4 + 12 * moment))
                        kill(getpid(), SIGKILL)
                    }
                    _ = try? await Crashes.create(kind, in: folder, rootfs: rootfs, path: nil, name)
                    try await killer.value
                }
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `memory that a worker saved goes on under the next one`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let (folder, rootfs, name) = (rig.folder, OCIRootfs.path, try rig.id().rawValue)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [folder = folder as String, rootfs = rootfs as String, name = name as String] in
                    let sandbox = try await Crashes.create("runsc", in: folder, rootfs: rootfs, path: nil, name)
                    _ = try await sandbox.bash("mark=7; \(Memory.ticker)")
                    try await sandbox.pause()
                    kill(getpid(), SIGKILL)
                }
                #expect(rig.processes() == [] && rig.groups() == [], "nothing of it runs meanwhile")
                // What a restart of the host takes as well.
                HostView.removeTree(rig.folder + "/run")
                let again = try await rig.engine.provision(try rig.spec())
                let text = try await again.bash("echo $mark; \(Memory.look)")
                #expect(text.hasPrefix("7\nmoving"), "\(text)")
                await again.destroy()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test(arguments: runtimes)
        func `a sandbox whose worker was killed goes on under the next one`(_ runtime: OCIRuntime) async throws {
            try await OCIRig.with(runtime) { rig in
                let (folder, rootfs, name) = (rig.folder, OCIRootfs.path, try rig.id().rawValue)
                let kind = runtime.rawValue
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        folder = folder as String, rootfs = rootfs as String, name = name as String,
                        kind = kind as String
                    ] in
                    let sandbox = try await Crashes.create(kind, in: folder, rootfs: rootfs, path: nil, name)
                    _ = try await sandbox.bash("mark=7")
                    kill(getpid(), SIGKILL)
                }
                let again = try await rig.engine.provision(try rig.spec())
                #expect(try await again.bash("echo $mark").hasPrefix("7"))
                await again.destroy()
                #expect(await rig.leftovers() == [])
            }
        }
    }
}
