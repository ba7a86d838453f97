internal import CLinux

/// What the kernel of this host has to confine programs with, beyond what every kernel has.
enum KernelWalls {
    /// The daemon inside confines itself with Landlock from this version on (see `perimeter-execd --confine`).
    private static let leastLandlock: Int32 = 2

    /// The version of Landlock; nil where the kernel has none that serves, or it is switched off.
    static var landlock: Int? {
        let version = clinux_landlock_version()
        return version >= leastLandlock ? Int(version) : nil
    }
}
