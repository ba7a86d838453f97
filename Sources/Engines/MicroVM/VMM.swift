/// A virtual machine monitor: a program of which one process runs one machine. Calls block.
protocol VMM: Sendable {
    /// Its name and version, for people.
    var label: String { get }
    /// Two monitors with the same text can read each other's saved states.
    var stateFormat: String { get }
    /// What it takes of the host's memory besides the guest's.
    var overheadBytes: Int { get }
    /// The threads it runs at most.
    var threads: Int { get }
    /// A group of the host that it has to be in; nil for none.
    var group: UInt32? { get }
    /// The virtual processors that make the most of a bound.
    func processors(cpuPercent: Int) -> Int
    /// The program that runs this machine. It does nothing until ``MachineControl`` says so, unless the machine boots.
    func program(_ machine: Machine, null: Int32) -> ConfinedProgram
    func control(socket: String, until deadline: ContinuousClock.Instant) throws(SystemError) -> any MachineControl
}

/// Orders to the monitor of one machine, in turn. What it answers is hostile until parsed: the guest may have taken it over.
protocol MachineControl {
    /// Takes up a saved state. - Parameter hasMemory: whether the memory is in it, or was in ``Machine/Memory``.
    func restore(from state: Int32, hasMemory: Bool) throws(SystemError)
    /// Lets the guest go on. Idempotent.
    func resume() throws(SystemError)
    /// Halts the guest. Idempotent.
    func halt() throws(SystemError)
    /// Writes the state of a halted machine. - Parameter hasMemory: as in ``restore(from:hasMemory:)``.
    func save(to state: Int32, hasMemory: Bool) throws(SystemError)
}
