/// The answer to a request for a page.
struct WebReply {
    var status = 0
    /// Lower-case names.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// There was more than fits, or the connection ended too early.
    var isCut = false

    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}
