internal import ExecdProtocol

extension SandboxError {
    init(_ fault: Fault) {
        switch fault.code {
        case .violation: self.init(.protocolViolation, fault.message)
        case .denied, .failed: self.init(.unsupported, fault.message)
        case .exhausted: self.init(.quotaExceeded, fault.message)
        case .replaced: self.init(.lost, fault.message)
        }
    }
}
