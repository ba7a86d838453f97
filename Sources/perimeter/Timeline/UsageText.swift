internal import Wire

/// Token counts in a few words: `812 in · 64 out · 2048 cached`.
enum UsageText {
    static func text(_ usage: JSON?) -> String {
        let input = usage?["input_tokens"]?.intValue ?? 0
        let output = usage?["output_tokens"]?.intValue ?? 0
        let cached = usage?["cache_read_input_tokens"]?.intValue ?? 0
        return "\(input) in · \(output) out" + (cached > 0 ? " · \(cached) cached" : "")
    }
}
