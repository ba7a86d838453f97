/// What a virtual machine consists of. Descriptors are this process's own.
struct Machine {
    enum Memory {
        /// A memory file into which the machine writes: it becomes the template of others.
        case template(Int32)
        /// A sealed one that stays as it is: what the machine writes is its own.
        case copy(of: Int32)
        /// Its own from the start.
        case own
    }
    /// What is needed only where the guest boots instead of going on from a state.
    struct Boot {
        var kernel: Int32
        var initramfs: Int32
        /// Takes what the guest's kernel prints.
        var console: Int32
    }

    var mebibytes: Int
    var processors: Int
    var memory: Memory
    /// Read-only.
    var root: Int32
    var work: Int32
    /// Listening sockets: of the monitor, and of the guest's two ports.
    var control: Int32
    var port: Int32
    var orders: Int32
    /// Takes what the monitor prints.
    var messages: Int32
    /// Nil waits for a state.
    var boot: Boot?
}
