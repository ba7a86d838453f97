extension ProxyReply {
    /// Why an exchange ends before, or instead of, the host's answer.
    enum Refusal: Error {
        case reply(ProxyReply)
        /// The policy ends it, and there is no place any more to say this sentence.
        case cut(String)
        /// The connection is of no more use.
        case broken

        static func reply(_ status: Status, _ sentence: String) -> Refusal {
            .reply(ProxyReply(status: status, sentence: sentence))
        }
    }
}
