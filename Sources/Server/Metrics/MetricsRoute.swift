internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Store

/// `GET /metrics` in the Prometheus text format. Open like the health paths: numbers only, with bounded labels.
extension API {
    func addMetrics(to router: Router<APIContext>) {
        router.get("metrics") { _, _ in
            let counts = try await store.counts()
            let text =
                Self.gauge("perimeter_sessions", "Sessions that are not archived.", "status", counts.sessions)
                + Self.gauge("perimeter_work_items", "Work items that are not stopped.", "state", counts.work)
                + Self.gauge("perimeter_open_calls", "Tool calls without a result.", nil, ["": counts.openCalls])
                + startStages.text
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }

    private static func gauge(_ name: String, _ help: String, _ label: String?, _ values: [String: Int]) -> String {
        let lines = values.sorted { $0.key < $1.key }.map { value in
            name + (label.map { "{\($0)=\"\(value.key)\"}" } ?? "") + " \(value.value)\n"
        }
        return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n" + lines.joined()
    }
}
