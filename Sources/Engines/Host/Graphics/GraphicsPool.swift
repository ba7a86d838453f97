internal import Glibc
internal import Sandbox
internal import Synchronization

/// Gives graphics processors to sandboxes, each to one at a time. Calls block.
///
/// What a sandbox holds is written in its own folder, so that it is free again when the folder goes, whoever removes it.
final class GraphicsPool: Sendable {
    let allowance: GraphicsAllowance
    private let paths: EnginePaths
    private let root: String
    private let isGiving = Mutex(false)

    /// - Parameter root: of the tree to look at; the host's own by default.
    init(_ allowance: GraphicsAllowance, paths: EnginePaths, root: String = "") {
        self.allowance = allowance
        self.paths = paths
        self.root = root
    }

    /// Looked at anew each time: drivers come and go while the worker runs.
    private var inventory: GraphicsInventory? {
        allowance == .none ? nil : GraphicsInventory(root: root, withDriver: false)
    }

    /// How many may be given at all.
    var count: Int { inventory.map { usable($0).count } ?? 0 }

    private func usable(_ inventory: GraphicsInventory) -> [Int] {
        inventory.defect == nil ? inventory.processors.keys.filter(allowance.permits).sorted() : []
    }

    /// What is wrong with the processors that sandboxes shall get.
    var problems: [EngineReport.Problem] {
        guard let inventory else { return [] }
        var problems: [(String, String)] = []
        if let defect = inventory.defect {
            problems.append(("GPUs cannot be used: \(defect)", "run `nvidia-modprobe -u -c 0` once after each start"))
        }
        if inventory.processors.isEmpty {
            problems.append(
                ("worker.gpus: this host has no NVIDIA GPU", "install the driver, or leave the setting out"))
        } else if case .only(let numbers) = allowance,
            let missing = numbers.subtracting(inventory.processors.keys).min()
        {
            problems.append(("worker.gpus: there is no GPU \(missing)", "`nvidia-smi -L` lists those of this host"))
        }
        return problems.map { EngineReport.Problem(summary: $0.0, remedy: $0.1, isFatal: false) }
    }

    /// For people; empty where none are to be given.
    var note: String {
        guard let inventory else { return "" }
        let numbers = usable(inventory)
        return numbers.isEmpty ? "" : "; GPUs for sandboxes that ask: \(Self.list(numbers))"
    }

    /// Before anything is made.
    func check(_ spec: SandboxSpec) throws(SandboxError) {
        guard spec.gpus != 0 else { return }
        guard allowance != .none else {
            throw SandboxError(.unsupported, "this worker gives no GPUs to sandboxes: set PERIMETER_GPUS")
        }
        let count = count
        guard spec.gpus > 0, spec.gpus <= count else {
            throw SandboxError(.unsupported, "\(spec.gpus) GPUs were asked for, and this worker has \(count) to give")
        }
    }

    /// The processors that a sandbox holds.
    func held(by id: SandboxID) -> [Int] {
        let text = HostFiles.text(paths.sandbox(id).graphics) ?? ""
        return text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    }

    /// Gives a sandbox, whose folder is there, what it asks for, until the folder goes.
    /// - Throws: EBUSY while others hold too many.
    func take(_ spec: SandboxSpec) throws(SystemError) -> GraphicsGrant? {
        guard spec.gpus > 0 else { return nil }
        let inventory = GraphicsInventory(root: root)
        let given = try isGiving.withLock { _ throws(SystemError) -> [Int] in
            let taken = HostFiles.names(in: paths.sandboxes).compactMap { SandboxID($0) }.filter { $0 != spec.id }
                .flatMap { held(by: $0) }
            let free = usable(inventory).filter { !taken.contains($0) }
            guard free.count >= spec.gpus else {
                throw SystemError(
                    "give \(spec.gpus) GPUs: other sandboxes hold \(Set(taken).count), \(free.count) are free",
                    code: EBUSY)
            }
            let given = Array(free.prefix(spec.gpus))
            try HostFiles.write(
                given.map { "\($0)" }.joined(separator: " ") + "\n", to: paths.sandbox(spec.id).graphics, mode: 0o600)
            return given
        }
        return GraphicsGrant(numbers: given, inventory: inventory)
    }

    /// What the label of a sandbox says about those that it holds.
    func label(_ spec: SandboxSpec) -> String {
        guard spec.gpus > 0 else { return "" }
        let numbers = held(by: spec.id)
        return numbers.isEmpty ? "" : "; with GPU \(Self.list(numbers)), whose driver programs speak to"
    }

    private static func list(_ numbers: [Int]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }
}

/// The processors of one sandbox, and what comes with them.
struct GraphicsGrant: Sendable {
    let devices: [GraphicsInventory.Node]
    let libraries: [(name: String, path: String)]
    let programs: [(name: String, path: String)]

    init(numbers: [Int], inventory: GraphicsInventory) {
        devices = numbers.compactMap { inventory.processors[$0] } + inventory.control
        libraries = inventory.libraries
        programs = inventory.programs
    }
}
