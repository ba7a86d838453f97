internal import Glibc

/// The folder below the work directory that keeps long outputs.
struct SpillFolder: Sendable {
    /// Below the work directory. Searches leave it out unless they start in it.
    static let name = ".perimeter"

    let gate: PathGate

    /// Creates the file for a call's whole output, or nil when the file system refuses.
    func create(for callID: String) -> OutputCollector.Spill? {
        let name = String(
            callID.unicodeScalars.map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "-", "_": Character(scalar)
                default: "_"
                }
            }.prefix(100))
        let path = "\(Self.name)/outputs/\(name).txt"
        guard let place = try? gate.resolve(path, writing: true),
            let parent = try? gate.openParent(place, creating: true)
        else { return nil }
        // The old name goes first: whatever the call's program put there, we write into a file of our own.
        unlinkat(parent.raw, name + ".txt", 0)
        guard let file = try? gate.open(place, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644) else { return nil }
        return OutputCollector.Spill(path: place.path, file: file)
    }
}
