import CLinux
import Glibc
import TestSupport

@testable import Engines

/// The fake API server of `Tests/Fakes` in a process of its own.
struct FakeCluster {
    let pid: Int32
    let port: UInt16
    let folder: String

    private static let script = Checkout.root + "/Tests/Fakes/fake_kubernetes.py"
    static let token = "the-token-of-the-account"

    /// - Parameter variables: what the fake does otherwise.
    static func start(in folder: String, _ variables: [(String, String)] = []) throws -> FakeCluster {
        guard mkdir(folder, 0o711) == 0 else { throw NamespaceRig.Failure("no folder") }
        try HostView.write(token, to: folder + "/token")
        let listener = clinux_listen_loopback(0)
        defer { close(listener) }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) == 0 }
        }
        guard listener >= 0, isNamed else { throw NamespaceRig.Failure("no listener") }
        let log = open(folder + "/log", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(log) }
        let path = ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        let pid = try HostProgram.spawn(
            script, [folder, Checkout.execd, CustomRig.script, folder + "/token"],
            [(log, 1), (log, 2), (listener, 3)], environment: (variables + [path]).map { "\($0.0)=\($0.1)" })
        return FakeCluster(pid: pid, port: UInt16(bigEndian: address.sin_port), folder: folder)
    }

    /// Ends its Pods as well.
    func stop() {
        kill(pid, SIGTERM)
        _ = clinux_reap(pid, 1)
        HostTraces.removeHookGroup()
    }

    /// As kubectl would have it.
    var kubeconfig: String {
        """
        apiVersion: v1
        kind: Config
        current-context: test
        contexts:
        - name: test
          context: {cluster: here, user: worker, namespace: default}
        clusters:
        - name: here
          cluster: {server: "http://127.0.0.1:\(port)"}
        users:
        - name: worker
          user: {tokenFile: token}
        """
    }
}
