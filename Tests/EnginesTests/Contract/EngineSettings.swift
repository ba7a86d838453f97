import Sandbox
import TestSupport
import Testing

/// What a session brings into a sandbox that runs.
struct EngineSettings {
    let rig: any EngineRig

    func takesSettings() async throws {
        let spec = try rig.spec("a")
        let sandbox = try await rig.provider.provision(spec)
        _ = try await sandbox.bash("own=1; export MINE=2")
        let value = "a b\n$(id) \\ '\"ü"
        try await sandbox.configure(SandboxSettings(variables: ["FIRST": "one", "SECOND": value]))
        #expect(try await sandbox.bash("printf '%s,' \"$FIRST\" \"$SECOND\" $own $MINE").hasPrefix("one,\(value),1,2,"))
        #expect(try await sandbox.shell("printf '%s,' \"$FIRST\" \"$SECOND\"") == "one,\(value),")

        for refused in [SandboxSettings(variables: ["PATH": "/tmp"]), SandboxSettings(authorities: "none")] {
            let error = await #expect(throws: SandboxError.self) { try await sandbox.configure(refused) }
            #expect(error?.code == .unsupported)
        }
        #expect(try await sandbox.bash("echo $FIRST").hasPrefix("one"), "what is refused changes nothing")
        await sandbox.detach()

        // A worker that was restarted brings what is true now.
        let again = try await rig.restarted().provision(spec)
        try await again.configure(SandboxSettings(variables: ["FIRST": "new"]))
        #expect(try await again.bash("echo $FIRST ${SECOND-gone} $own $MINE").hasPrefix("new gone 1 2"))
        #expect(try await again.shell("echo $FIRST ${SECOND-gone}") == "new gone\n")
        await again.destroy()
        #expect(await rig.leftovers() == [])
    }

    func trustsCertificates() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            let trust = try await Trust(sandbox: sandbox)
            #expect(try await trust.programs().values.allSatisfy { $0 != "trusts" }, "nothing trusts it by itself")
            try await sandbox.configure(SandboxSettings(authorities: trust.authority.certificate))
            for name in [
                "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
            ] {
                #expect(try await sandbox.bash("tail -40 \"$\(name)\"").contains(trust.authority.lines), "\(name)")
            }
            let system = "/etc/ssl/certs/ca-certificates.crt"
            let kept = try await sandbox.bash(
                "[ ! -e \(system) ] || head -c $(stat -c %s \(system)) $SSL_CERT_FILE | cmp - \(system)")
            #expect(kept == "(no output)", "the image's own come first: \(kept)")
            #expect(try await trust.programs().values.allSatisfy { $0 != "refuses" })
            #expect(
                try await sandbox.bash("ls -A; ls -A /tmp").contains("trust") == false, "out of the way of the tools")

            // What a program does to the files harms those that read them, until they are brought again.
            _ = try await sandbox.bash("rm -rf \"$(dirname \"$SSL_CERT_FILE\")\"")
            try await sandbox.configure(SandboxSettings(authorities: trust.authority.certificate))
            #expect(try await trust.programs().values.allSatisfy { $0 != "refuses" })
            try await sandbox.configure(SandboxSettings())
            #expect(try await sandbox.bash("echo ${SSL_CERT_FILE-gone}").hasPrefix("gone"))
            #expect(try await trust.programs().values.allSatisfy { $0 != "trusts" })
        }
    }

    /// A TLS server inside, and what the programs there think of its certificate.
    struct Trust {
        let sandbox: any Sandbox
        let authority: TestAuthority

        init(sandbox: any Sandbox) async throws {
            self.sandbox = sandbox
            authority = try TestAuthority()
            for (name, text) in [("server.pem", authority.server), ("server.key", authority.serverKey)] {
                try await sandbox.put(Array(text.utf8), at: "/workspace/\(name)", mode: 0o600)
            }
            try await sandbox.put(Array(Self.script.utf8), at: "/workspace/probe.sh", mode: 0o755)
            _ = try await sandbox.bash(
                """
                if type -P openssl >/dev/null; then
                  openssl s_server -accept 127.0.0.1:8443 -cert server.pem -key server.key -WWW >/dev/null 2>&1 &
                  until (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; do sleep 0.05; done
                fi
                """)
        }

        /// "trusts", "refuses" or "absent" for each program.
        func programs() async throws -> [String: String] {
            let text = try await sandbox.bash("bash probe.sh", timeout: 60_000)
            return Dictionary(
                text.split(separator: "\n").compactMap { line in
                    let words = line.split(separator: " ")
                    return words.count == 2 ? (String(words[0]), String(words[1])) : nil
                }, uniquingKeysWith: { $1 })
        }

        /// A file of the server is fetched, or the certificate alone is asked about; git gets a page that is no repository.
        private static let script = """
            url=https://localhost:8443
            probe() {
              if ! type -P "$1" >/dev/null; then echo "$1 absent"
              elif ("$@") >/dev/null 2>&1; then echo "$1 trusts"
              else echo "$1 refuses"; fi
            }
            probe openssl verify server.pem
            probe curl -fsS $url/server.pem
            probe python3 -c "import urllib.request; urllib.request.urlopen('$url/server.pem').read()"
            probe node -e "require('https').get('$url/server.pem', r => { r.resume(); process.exit(0) }).on('error', () => process.exit(1))"
            git() { command git ls-remote $url/none 2>&1 | { ! grep -qi certificate; }; }
            if type -P git >/dev/null; then if git; then echo git trusts; else echo git refuses; fi; fi
            """
    }
}

extension TestAuthority {
    /// The lines between the markers.
    var lines: String { certificate.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined(separator: "\n") }
}

extension Sandbox {
    /// What a person's shell prints.
    func shell(_ command: String) async throws -> String {
        let stream = try await open(.command(command))
        var bytes: [UInt8] = []
        while let piece = try await stream.read() { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }
}
