internal import Glibc
public import Sandbox

extension MicroVMEngine {
    /// A bound that cannot be enforced is an error, unless the operator said otherwise.
    func refuseUnsupported(_ spec: SandboxSpec) throws(SandboxError) {
        if case .image = spec.source {
            throw SandboxError(
                .unsupported, "the microvm engine has one root image for all: set it in the guest directory")
        }
        try SpecChecks.refuseWritableSystem(spec, "microvm")
        guard spec.gpus == 0 else { throw SandboxError(.unsupported, "the microvm engine passes no GPUs through") }
        let limits = spec.limits
        guard limits.memoryBytes >> 20 >= Self.minimumMebibytes, limits.processes >= 8, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported,
                "limits need at least \(Self.minimumMebibytes) MiB of memory, 8 processes, 1 % CPU and 16 MiB of disk")
        }
        guard !configuration.allowsWeakerLimits, !groups.abilities.missing.isEmpty else { return }
        let missing = groups.abilities.missing.joined(separator: ", ")
        throw SandboxError(
            .unsupported, "the \(missing) of a machine's monitor cannot be bounded on this host: run `perimeter doctor`"
        )
    }

    /// One line for people: what holds a sandbox of this engine, and what does not.
    func boundary() async -> String {
        let label = (try? await host())?.vmm.label ?? "no monitor"
        let abilities = groups.abilities
        let missing = abilities.missing
        let user = geteuid() == 0 ? "own user, " : ""
        return "microvm: own kernel under \(label)"
            + (configuration.emulation ? " (no hardware boundary: the emulator is what separates)" : "")
            + ", no network device; monitor under \(user)seccomp"
            + ", no privileges; bounded memory, processes, disk (by the machine)"
            + (abilities.cpu.map { ", CPU (\($0))" } ?? "")
            + (missing.isEmpty ? "" : "; monitor NOT bounded: \(missing.joined(separator: ", "))")
    }

    public func probe() async -> EngineReport {
        var problems = await offPool { [self] in hostProblems() }
        if !problems.contains(where: \.isFatal), let failure = await trial() {
            let remedy =
                configuration.emulation
                ? "the text before says which step"
                : "KVM must run an unmodified kernel: processor virtualisation in the firmware, nested virtualisation on "
                    + "a virtual host; or set emulation, which is many times slower"
            problems.append(
                EngineReport.Problem(
                    summary: "a trial machine did not start: \(failure)", remedy: remedy, isFatal: true))
        }
        return EngineReport(
            engine: name, boundary: await boundary(), isUsable: !problems.contains(where: \.isFatal), problems: problems
        )
    }

    private func hostProblems() -> [EngineReport.Problem] {
        var problems: [EngineReport.Problem] = []
        func add(_ summary: String, _ remedy: String, isFatal: Bool = true) {
            problems.append(EngineReport.Problem(summary: summary, remedy: remedy, isFatal: isFatal))
        }
        #if !arch(x86_64)
            add("the engine knows machines of x86-64 only", "use another engine on this host")
        #endif
        if access(configuration.qemuPath, X_OK) != 0 {
            add("there is no \(configuration.qemuPath)", "apt-get install qemu-system-x86")
        }
        let files = GuestSystemFiles(folder: configuration.guestDirectory, execd: configuration.execdPath)
        if let problem = files.problem {
            add(problem, "run scripts/microvm-guest.sh \(configuration.guestDirectory), and ./run for the daemon")
        }
        if access(WorkDisk.formatter, X_OK) != 0 {
            add("there is no \(WorkDisk.formatter)", "apt-get install e2fsprogs")
        }
        if configuration.emulation {
            add(
                "the processor is emulated in software: slow, and no hardware boundary",
                "use a host with KVM and turn emulation off", isFatal: false)
        } else if access(QEMU.kvm, R_OK | W_OK) != 0 {
            add("\(QEMU.kvm) cannot be used", "load the kvm module and run the worker with access to it")
        } else if geteuid() == 0, QEMU.access == .nobody {
            add(
                "\(QEMU.kvm) is for root alone, and monitors run as users of their own",
                "give it a group: chgrp kvm \(QEMU.kvm) && chmod 0660 \(QEMU.kvm)")
        }
        for controller in groups.abilities.missing {
            add(
                "the \(controller) controller cannot be used",
                "run as root on a host with control groups, or allow weaker limits",
                isFatal: !configuration.allowsWeakerLimits)
        }
        return problems
    }

    /// Starts a machine, runs a command in it and removes it: an openable /dev/kvm proves nothing.
    /// - Returns: why that failed.
    private func trial() async -> String? {
        let number = UInt32.random(in: 0...UInt32.max)
        guard let id = SandboxID("probe-\(getpid())-\(number)") else { return "no id" }
        let spec = SandboxSpec(
            id: id,
            limits: ResourceLimits(
                memoryBytes: Self.minimumMebibytes << 20, processes: 32, cpuPercent: 100, diskBytes: 16 << 20))
        do throws(SandboxError) {
            let sandbox = try await provision(spec)
            let call = ToolCall(
                id: "probe", input: .bash(command: "echo ready", restart: false, timeoutMilliseconds: 30_000))
            let result: ToolResult
            do throws(SandboxError) { result = try await sandbox.run(call) } catch {
                await sandbox.destroy()
                throw error
            }
            await sandbox.destroy()
            await offPool { [paths] in _ = unlink(paths.sandbox(id).image) }
            return result.isError ? "the command in it failed" : nil
        } catch {
            return error.message
        }
    }
}
