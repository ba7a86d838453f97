package import ExecdProtocol

/// The `web_fetch` tool: a page or document, as far as the sandbox's rules let it through.
package struct WebFetchTool {
    private static let redirectLimit = 5

    private let settings: ToolSettings

    package init(settings: ToolSettings) { self.settings = settings }

    package func run(url: String, cancel: CancelToken) throws(ToolError) -> CallResult {
        var address = try WebAddress(url)
        guard settings.proxyPort != 0 else {
            throw ToolError(.denied, "this environment has no network; its operator can allow hosts")
        }
        let exchange = ProxyExchange(port: settings.proxyPort, cancel: cancel)
        for _ in 0...Self.redirectLimit {
            let reply = try exchange.get(address)
            if (300..<400).contains(reply.status), let location = reply.field("location") {
                address = try address.redirected(to: location)
                continue
            }
            guard (200..<300).contains(reply.status) else {
                let reason = String(decoding: reply.body.prefix(1000), as: UTF8.self)
                throw ToolError(.failed, "\(address.text): status \(reply.status): \(reason)")
            }
            return try Self.result(of: reply, address)
        }
        throw ToolError(.failed, "\(url): more than \(Self.redirectLimit) redirects")
    }

    private static func result(of reply: ProxyExchange.Reply, _ address: WebAddress) throws(ToolError) -> CallResult {
        guard !reply.body.isEmpty else { return .success("(the answer is empty)") }
        let type = (reply.field("content-type") ?? "text/plain").lowercased()
        if type.hasPrefix("image/") || type.hasPrefix("application/pdf") {
            guard let mediaType = MediaKind.mediaType(of: reply.body) else {
                throw ToolError(.failed, "\(address.text): the content is not what its type says")
            }
            let block: CallResult.Block =
                mediaType == "application/pdf"
                ? .document(mediaType: mediaType, bytes: reply.body) : .image(mediaType: mediaType, bytes: reply.body)
            return CallResult(content: [block], isError: false)
        }
        guard !reply.body.prefix(1024).contains(0) else {
            throw ToolError(.invalid, "\(address.text): binary content (\(type.prefix(80)))")
        }
        let text = String(decoding: reply.body, as: UTF8.self)
        let shown = type.contains("html") ? HTMLText.extract(text) : text
        return .success(shown.isEmpty ? "(the page has no text)" : shown)
    }
}
