import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct FetchTests {
    private func fetch(_ url: String, _ answers: [ScriptedProxy.Answer]) throws -> (CallResult, [String]) {
        let proxy = try ScriptedProxy(answers)
        let result = try ToolRig(proxyPort: proxy.port).run(.webFetch(url: url))
        return (result, proxy.seen)
    }

    @Test func `a page comes through the proxy as text`() throws {
        let (result, seen) = try fetch(
            "HTTPS://A.example/x?y=1#z",
            [
                .init(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
                    "<title>T</title><p>Read <a href=/more>more</a>.")
            ])
        #expect(result == .success("T\n\nRead more <https://a.example/more>."))
        #expect(seen.count == 1)
        #expect(seen[0].hasPrefix("GET https://a.example/x?y=1 HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(seen[0].contains("\r\nAccept: text/html,"))
    }

    @Test func `an answer that says its length ends there, though the connection stays open`() throws {
        let sized = ScriptedProxy.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", staysOpen: true)
        #expect(try fetch("http://a/", [sized]).0 == .success("ab"))
        let chunked = ScriptedProxy.Answer(
            "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r",
            "\nabc\r\n2;x\r\nde",
            "\r\n0\r\nTrailer: x\r\n\r\n", staysOpen: true)
        #expect(try fetch("http://a/", [chunked]).0 == .success("abcde"))
    }

    @Test func `redirects are followed, but not for ever`() throws {
        let go = { (to: String) in
            ScriptedProxy.Answer("HTTP/1.1 302 Found\r\nLocation: \(to)\r\nContent-Length: 0\r\n\r\n")
        }
        let (result, seen) = try fetch(
            "http://a/x/y", [go("https://b/"), go("../z?next=http://c/"), .init("HTTP/1.1 200 OK\r\n\r\nend")])
        #expect(result == .success("end"))
        #expect(
            seen.map { $0.prefix { $0 != "\r\n" } } == [
                "GET http://a/x/y HTTP/1.1", "GET https://b/ HTTP/1.1", "GET https://b/z?next=http://c/ HTTP/1.1",
            ])
        let (loop, requests) = try fetch("http://a/", [ScriptedProxy.Answer](repeating: go("/"), count: 10))
        #expect(loop.isError)
        #expect(requests.count == 6)
        #expect(try fetch("http://a/", [go("file:///etc/passwd")]).0.isError)
    }

    @Test func `what the gate refuses is told with its reason`() throws {
        let (result, _) = try fetch("http://a/", [.init("HTTP/1.1 403 Forbidden\r\n\r\nhost a is not allowed")])
        #expect(result == .failure("http://a/: status 403: host a is not allowed"))
    }

    @Test func `images come as images, and only whole ones`() throws {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2]
        let head = "HTTP/1.1 200 OK\r\nContent-Type: image/png"
        #expect(
            try fetch("http://a/", [.init(head: head, body: png)]).0.content == [
                .image(mediaType: "image/png", bytes: png)
            ])
        var cut = ScriptedProxy.Answer(head: head, body: png)
        cut.pieces[1].removeLast()
        #expect(try fetch("http://a/", [cut]).0.isError)
        #expect(try fetch("http://a/", [.init(head: head, body: [1, 2, 3])]).0.isError)
        #expect(try fetch("http://a/", [.init(head: "HTTP/1.1 200 OK", body: [1, 0, 3])]).0.isError)
        let large = png + [UInt8](repeating: 0, count: ReadTool.imageLimit)
        #expect(try fetch("http://a/", [.init(head: head, body: large)]).0.isError)
    }

    @Test func `a long text is cut and kept in a file`() throws {
        let body = (1...30_000).map { "line \($0)\n" }.joined()
        let proxy = try ScriptedProxy([.init(head: "HTTP/1.1 200 OK", body: Array(body.utf8))])
        let rig = try ToolRig(proxyPort: proxy.port)
        let text = try rig.text(.webFetch(url: "http://a/"))
        #expect(text.utf8.count < 101_000)
        #expect(rig.contents(rig.work + "/.perimeter/outputs/call1.txt") == body)
    }

    @Test func `more than the limit is not taken`() throws {
        let body = [UInt8](repeating: 0x61, count: WebFetchTool.bodyLimit + 5)
        let proxy = try ScriptedProxy([.init(head: "HTTP/1.1 200 OK", body: body)])
        #expect(
            try ToolRig(proxyPort: proxy.port).text(.webFetch(url: "http://a/")).hasSuffix("not received to its end]"))
    }

    @Test func `without a network, or with nobody behind the port, the tool says so`() throws {
        #expect(try ToolRig().text(.webFetch(url: "https://a.example")).contains("no network"))
        let proxy = try ScriptedProxy([])
        while (try? Descriptor(opened: clinuxConnect(proxy.port), "connect")) != nil { sched_yield() }
        #expect(try ToolRig(proxyPort: proxy.port).text(.webFetch(url: "https://a.example")).contains("way out"))
    }

    @Test func `a fetch that waits for its answer can be cancelled`() throws {
        let proxy = try ScriptedProxy([.init("HTTP/1.1 200 OK\r\n\r\nbegin", staysOpen: true)])
        let rig = try ToolRig(proxyPort: proxy.port)
        let cancel = try CancelToken()
        try PosixThread.start {
            while proxy.seen.isEmpty { sched_yield() }
            cancel.cancel()
        }
        let result = rig.runner.run(callID: "c", input: .webFetch(url: "http://a/"), cancel: cancel)
        #expect(result == .failure("interrupted"))
    }

    /// Blocks until the kernel has an answer; negative when the port is closed.
    private func clinuxConnect(_ port: UInt16) -> Int32 {
        let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return raw }
        close(raw)
        return -1
    }
}
