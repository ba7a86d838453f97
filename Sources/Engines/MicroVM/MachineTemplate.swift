internal import CLinux
internal import Glibc
internal import Synchronization

/// A booted machine that waits for its session, frozen: its memory and its devices' state, in sealed memory files.
///
/// Nobody can change them any more, not even a monitor that its guest has taken over: machines map the memory privately and
/// share with each other what they do not write. It lives as long as this process, or as machines use its memory.
final class MachineTemplate: Sendable {
    /// The shape of machines that can come from one template.
    struct Shape: Hashable, Sendable {
        var mebibytes: Int
        var processors: Int
        /// Of the monitor, and the files that it boots from.
        var stamp: String
    }

    let shape: Shape
    let memory: Int32
    private let state: Int32
    /// The root image that the frozen guest has mounted.
    let root: Int32
    /// Who can read what machines of this template save.
    let format: String

    /// Takes over the descriptors.
    init(shape: Shape, memory: Int32, state: Int32, root: Int32, format: String) {
        self.shape = shape
        self.memory = memory
        self.state = state
        self.root = root
        self.format = format
    }

    deinit { for file in [memory, state, root] { close(file) } }

    /// The state with a position of its own: several machines may read it at once. The caller closes it.
    func openState() throws(SystemError) -> Int32 {
        let file = open("/proc/self/fd/\(state)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError("open the template") }
        return file
    }
}

/// The templates of this process, the least recently used of which goes when there are too many.
final class TemplateShelf: Sendable {
    static let limit = 4
    private let templates = Mutex<[MachineTemplate]>([])

    subscript(shape: MachineTemplate.Shape) -> MachineTemplate? {
        templates.withLock { templates in
            guard let place = templates.firstIndex(where: { $0.shape == shape }) else { return nil }
            templates.append(templates.remove(at: place))
            return templates.last
        }
    }

    func add(_ template: MachineTemplate) {
        templates.withLock { templates in
            templates.append(template)
            if templates.count > Self.limit { templates.removeFirst() }
        }
    }

    func clear() { templates.withLock { $0 = [] } }
}
