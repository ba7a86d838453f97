internal import Sandbox

/// What an operator says of sandboxes that are made where this worker cannot look.
enum VouchedIsolation: String, Sendable, CaseIterable {
    case unknown
    case sharedKernel = "shared_kernel"
    case userSpaceKernel = "user_space_kernel"
    case ownKernel = "own_kernel"

    var isolation: EngineCapabilities.Isolation {
        switch self {
        case .unknown: .unknown
        case .sharedKernel: .sharedKernel
        case .userSpaceKernel: .userSpaceKernel
        case .ownKernel: .ownKernel
        }
    }
}
