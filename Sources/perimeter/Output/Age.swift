internal import Wire

/// How long ago something was, in one short word: `12s`, `5m`, `3h`, `8d`.
enum Age {
    static func text(_ time: String?, now: Timestamp) -> String {
        guard let time, let then = Timestamp(time) else { return "-" }
        let seconds = max(0, now.since(then).components.seconds)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }
}
