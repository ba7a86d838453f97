import ExecdProtocol
import Testing

@Suite struct ConfigurationTests {
    @Test(arguments: [
        "A", "_x", "GITHUB_TOKEN", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "a1", "PATHS", "path", "LDAP_URL",
    ])
    func `a session may bring what programs read`(name: String) {
        #expect(VariableName.refusal(of: name) == nil)
    }

    @Test(arguments: [
        "", "1A", "A B", "A=B", "A\0", "Ä", "A-B", "a.b", "A\n", "x[$(id)]", "PATH", "LD_PRELOAD", "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV", "SHELLOPTS", "BASHOPTS", "BASH_FUNC_ls%%", "PS4", "PROMPT_COMMAND", "IFS", "UID", "TERM", "GCONV_PATH",
        "https_proxy",
        "HTTPS_PROXY", "No_Proxy", "PERIMETER_EXECD_TOKEN", "__perimeter_command", String(repeating: "A", count: 129),
    ])
    func `what steers the tools' shell or the way out is refused`(name: String) {
        #expect(VariableName.refusal(of: name) != nil)
        #expect(Configuration(variables: [name: "secret"]).refusal?.contains("secret") == false)
    }

    @Test func `every bound holds at its edge and not beyond`() {
        let longest = String(repeating: "v", count: Configuration.maxValue)
        #expect(Configuration(variables: ["A": longest]).refusal == nil)
        #expect(Configuration(variables: ["A": longest + "v"]).refusal?.contains("longer") == true)
        #expect(Configuration(variables: ["A": "x\0y"]).refusal?.contains("NUL") == true)
        #expect(Configuration(variables: ["A": longest, "B": longest, "C": longest]).refusal == nil)
        #expect(
            Configuration(variables: ["A": longest, "B": longest, "C": longest, "D": longest]).refusal?.contains(
                "together")
                == true)
        let many = Dictionary(uniqueKeysWithValues: (0..<256).map { ("N\($0)", "") })
        #expect(Configuration(variables: many).refusal == nil)
        #expect(Configuration(variables: many.merging(["X": ""]) { $1 }).refusal?.contains("256") == true)
        #expect(Configuration(authorities: String(repeating: "c", count: Configuration.maxAuthorities)).refusal == nil)
        #expect(
            Configuration(authorities: String(repeating: "c", count: Configuration.maxAuthorities + 1)).refusal != nil)
    }

    @Test func `it prints none of its values`() {
        let configuration = Configuration(variables: ["NAME": "secret"], authorities: "secret")
        var text = ""
        dump(configuration, to: &text)
        #expect(!"\(configuration) \(String(reflecting: configuration)) \(text)".contains("secret"))
        #expect(!"\(WorkerMessage.configure(configuration))".contains("secret"))
    }

    @Test func `the same name twice, and sizes beyond the bounds, are no message`() throws {
        var twice = FieldWriter()
        twice.put(UInt16(2))
        for text in ["A", "1", "A", "2", ""] { twice.put(text) }
        #expect(throws: ProtocolError.invalidField("name")) {
            _ = try WorkerMessage(kind: .configure, payload: twice.bytes[...])
        }
        var many = FieldWriter()
        many.put(UInt16(257))
        #expect(throws: ProtocolError.tooLong(257)) {
            _ = try WorkerMessage(kind: .configure, payload: many.bytes[...])
        }
        var long = FieldWriter()
        long.put(UInt16(0))
        long.put(String(repeating: "c", count: Configuration.maxAuthorities + 1))
        #expect(throws: ProtocolError.self) { _ = try WorkerMessage(kind: .configure, payload: long.bytes[...]) }
    }
}
