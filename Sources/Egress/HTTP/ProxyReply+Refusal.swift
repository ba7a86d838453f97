extension ProxyReply {
    /// Why an exchange ends before, or instead of, the host's answer.
    enum Refusal: Error {
        case reply(ProxyReply)
        /// The connection is of no more use.
        case broken

        static func reply(_ status: Status, _ sentence: String) -> Refusal {
            .reply(ProxyReply(status: status, sentence: sentence))
        }
    }
}
