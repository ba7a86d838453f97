import Foundation
import Glibc
import NIOSSL
import TestSupport
import Testing

@testable import Egress

@Suite struct AuthorityTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "perimeter-authority-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    /// What `openssl` says, with its status.
    private func openssl(_ arguments: [String]) throws -> (text: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (text, process.terminationStatus)
    }

    @Test func `an authority outlives the worker, in a file that nobody else reads`() throws {
        try withFolder { folder in
            let folder = folder + "/deep/inside"
            let first = try AuthorityStore(folder: folder).authority(for: "env_1")
            let path = "\(folder)/env_1.pem"
            var facts = stat()
            #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
            let store = AuthorityStore(folder: folder)
            #expect(try store.authority(for: "env_1").certificatePEM == first.certificatePEM)
            #expect(try store.authority(for: "env_2").certificatePEM != first.certificatePEM)
        }
    }

    @Test(arguments: ["", "../x", "a/b", "a b", String(repeating: "a", count: 129)])
    func `an environment's id is no path`(id: String) throws {
        try withFolder { folder in
            #expect(throws: AuthorityStoreError.self) { try AuthorityStore(folder: folder).authority(for: id) }
            #expect(access(folder, F_OK) != 0)
        }
    }

    @Test func `a file that holds something else is not replaced`() throws {
        try withFolder { folder in
            mkdir(folder, 0o700)
            let other = try EgressAuthority.create(name: "other")
            let broken = [
                "", "rubbish", try EgressAuthority.create(name: "x").certificatePEM,
                other.certificatePEM
                    + (try EgressAuthority.create(name: "y").pem.replacing(other.certificatePEM, with: "")),
            ]
            for text in broken {
                try HostView.write(text, to: "\(folder)/env_1.pem")
                #expect(throws: AuthorityStoreError.self) { try AuthorityStore(folder: folder).authority(for: "env_1") }
                #expect(HostView.text("\(folder)/env_1.pem") == text)
            }
        }
    }

    @Test func `one that ends soon is replaced`() throws {
        try withFolder { folder in
            mkdir(folder, 0o700)
            let old = try EgressAuthority.create(name: "env_1", now: Date() - 2 * 365 * 86_400 + 20 * 86_400)
            try HostView.write(old.pem, to: "\(folder)/env_1.pem")
            #expect(try AuthorityStore(folder: folder).authority(for: "env_1").certificatePEM != old.certificatePEM)
        }
    }

    @Test(arguments: ["api.example.com", "10.1.2.3", "[fd00::1]", String(repeating: "a", count: 60) + ".example.com"])
    func `a strict client accepts its certificates, for the host alone`(host: String) throws {
        try withFolder { folder in
            mkdir(folder, 0o700)
            let authority = try EgressAuthority.create(name: "env_1")
            let name = try #require(HostName(host))
            try HostView.write(authority.certificatePEM, to: "\(folder)/ca.pem")
            try HostView.write(authority.leafPEM(for: name), to: "\(folder)/leaf.pem")
            let isAddress = if case .address = name { true } else { false }
            func verify(_ host: String) throws -> Int32 {
                let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
                return try openssl([
                    "verify", "-x509_strict", "-purpose", "sslserver", isAddress ? "-verify_ip" : "-verify_hostname",
                    bare,
                    "-CAfile", "\(folder)/ca.pem", "\(folder)/leaf.pem",
                ]).status
            }
            #expect(try verify(host) == 0)
            #expect(try verify(isAddress ? "10.9.9.9" : "other.example.com") != 0)
        }
    }
}
