import Glibc
import TestSupport
import Testing

@testable import Engines

/// The `/etc` of sandboxes, made from a described one.
struct ConfigurationMirrorTests {
    @Test func `what programs need and everybody may read is there, and nothing else`() throws {
        let folder = "/tmp/perimeter-etc-\(UInt32.random(in: 0...UInt32.max))"
        defer { HostView.removeTree(folder) }
        for path in [
            "", "/etc", "/etc/java-17-openjdk", "/etc/java-17-openjdk/security", "/etc/ssl", "/etc/ssl/private",
            "/etc/java-secret", "/etc/cron.d",
        ] { #expect(mkdir(folder + path, 0o755) == 0) }
        for path in [
            "java-17-openjdk/security/java.security", "java-17-openjdk/jvm.cfg", "ssl/private/key", "ssl/openssl.cnf",
            "java-secret/x", "cron.d/job", "shadow", "passwd", "java-17-openjdk/password",
        ] { try HostView.write(path, to: "\(folder)/etc/\(path)") }
        #expect(symlink("/etc/ssl/certs/java/cacerts", "\(folder)/etc/java-17-openjdk/security/cacerts") == 0)
        for path in ["ssl/private", "java-secret"] { #expect(chmod("\(folder)/etc/\(path)", 0o700) == 0) }
        #expect(chmod("\(folder)/etc/java-17-openjdk/password", 0o600) == 0)
        let mirror = ConfigurationMirror(folder: "\(folder)/mirror", source: "\(folder)/etc")
        for _ in 0..<2 { try mirror.refresh() }
        let java = "\(folder)/mirror/java-17-openjdk"
        #expect(Set(HostView.names(in: java)) == ["security", "jvm.cfg"])
        #expect(Set(HostView.names(in: "\(java)/security")) == ["java.security", "cacerts"])
        #expect(HostView.link("\(java)/security/cacerts") == "/etc/ssl/certs/java/cacerts")
        #expect(HostView.names(in: "\(folder)/mirror/ssl") == ["openssl.cnf"])
        #expect(
            Set(HostView.names(in: "\(folder)/mirror")) == [
                "java-17-openjdk", "ssl", "passwd", "group", "hosts", "hostname", "nsswitch.conf", "resolv.conf",
            ])
        #expect(HostView.text("\(folder)/mirror/passwd")?.contains("agent:x:1000") == true)
        #expect(mirror.isComplete)
    }
}
