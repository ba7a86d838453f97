package import ExecdProtocol

/// The `web_fetch` tool: a page or document, as far as the sandbox's rules let it through.
package struct WebFetchTool {
    static let bodyLimit = 10 << 20
    static let timeLimitMilliseconds = 60_000
    private static let redirectLimit = 5

    private let settings: ToolSettings
    private let gate: PathGate

    /// - Parameter gate: for the file that keeps a text too long for one result.
    package init(settings: ToolSettings, gate: PathGate) {
        self.settings = settings
        self.gate = gate
    }

    package func run(callID: String, url: String, cancel: CancelToken) throws(ToolError) -> CallResult {
        var address = try WebAddress(url)
        guard settings.proxyPort != 0 else {
            throw ToolError(.denied, "this environment has no network; its operator can allow hosts")
        }
        // One limit for all redirects together.
        let exchange = ProxyExchange(
            port: settings.proxyPort, bodyLimit: Self.bodyLimit, cancel: cancel,
            deadlineMilliseconds: Clock.milliseconds() + Self.timeLimitMilliseconds)
        for _ in 0...Self.redirectLimit {
            let reply = try exchange.get(address)
            if [301, 302, 303, 307, 308].contains(reply.status), let location = reply.field("location") {
                address = try address.redirected(to: location)
                continue
            }
            return try result(of: reply, address, callID)
        }
        throw ToolError(.failed, "\(url): more than \(Self.redirectLimit) redirects")
    }

    private func result(of reply: WebReply, _ address: WebAddress, _ callID: String) throws(ToolError) -> CallResult {
        let type = (reply.field("content-type") ?? "text/plain").lowercased()
        let isGood = (200..<300).contains(reply.status)
        let coding = reply.field("content-encoding")?.lowercased() ?? "identity"
        guard coding == "identity" || !isGood else {
            throw ToolError(.failed, "\(address.text): the answer is compressed although that was not asked for")
        }
        if isGood, type.hasPrefix("image/") || type.hasPrefix("application/pdf"), !type.hasPrefix("image/svg") {
            return try media(reply, address)
        }
        let isText = coding == "identity" && !reply.body.prefix(1024).contains(0)
        guard isGood else {
            let reason = isText ? text(reply.body.prefix(4096), type, address).prefix(1000) : ""
            throw ToolError(.failed, "\(address.text): status \(reply.status)\(reason.isEmpty ? "" : ": \(reason)")")
        }
        guard isText else { throw ToolError(.invalid, "\(address.text): binary content (\(type.prefix(80)))") }
        var collector = OutputCollector(limit: settings.outputLimit, spillLimit: settings.spillLimit) {
            [folder = SpillFolder(gate: gate)] in folder.create(for: callID)
        }
        collector.add(Array(text(reply.body[...], type, address).utf8))
        if reply.isCut { collector.add(Array("\n[the answer was not received to its end]\n".utf8)) }
        let text = collector.finish()
        return .success(text.isEmpty ? "(the answer has no text)" : text)
    }

    private func text(_ body: ArraySlice<UInt8>, _ type: String, _ address: WebAddress) -> String {
        guard type.contains("html") else { return String(decoding: body, as: UTF8.self) }
        return HTMLText.extract(Array(body), base: address)
    }

    /// A cut image or document, or one that is larger than a model takes, would make the whole conversation invalid.
    private func media(_ reply: WebReply, _ address: WebAddress) throws(ToolError) -> CallResult {
        guard let mediaType = MediaKind.mediaType(of: reply.body) else {
            throw ToolError(.failed, "\(address.text): the content is not what its type says")
        }
        let isDocument = mediaType == "application/pdf"
        guard !reply.isCut, reply.body.count <= (isDocument ? Self.bodyLimit : ReadTool.imageLimit) else {
            throw ToolError(.tooLarge, "\(address.text): too large to be shown, or not received to its end")
        }
        let block: CallResult.Block =
            isDocument
            ? .document(mediaType: mediaType, bytes: reply.body) : .image(mediaType: mediaType, bytes: reply.body)
        return CallResult(content: [block], isError: false)
    }
}
