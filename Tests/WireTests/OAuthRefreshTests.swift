import Testing

@testable import Wire

@Suite struct OAuthRefreshTests {
    private static let now = Timestamp(microseconds: 1_800_000_000_000_000)

    private func refresh(
        _ authentication: String, secret: String? = nil, scope: JSON = .null, resource: JSON = .null
    ) -> OAuthRefresh? {
        OAuthRefresh(
            auth: [
                "refresh": [
                    "client_id": "the client", "token_endpoint": "https://login.example.com/token",
                    "token_endpoint_auth": ["type": .string(authentication)], "scope": scope, "resource": resource,
                ]
            ],
            secrets: CredentialSecrets(
                value: Secret("old"), refreshToken: Secret("r&1"), clientSecret: secret.map { Secret($0) }))
    }

    @Test func `each client proves itself in its own way`() throws {
        let none = try #require(refresh("none", scope: "a b", resource: "https://mcp.example.com/"))
        #expect(none.authorization == nil)
        #expect(
            none.form.reveal()
                == "grant_type=refresh_token&refresh_token=r%261&scope=a+b&resource=https%3A%2F%2Fmcp.example.com%2F"
                + "&client_id=the+client")
        let post = try #require(refresh("client_secret_post", secret: "s+1"))
        #expect(post.authorization == nil)
        #expect(post.form.reveal().hasSuffix("&client_id=the+client&client_secret=s%2B1"))
        let basic = try #require(refresh("client_secret_basic", secret: "s:1"))
        #expect(basic.authorization?.reveal() == "Basic \(Base64.encode(Array("the+client:s%3A1".utf8)))")
        #expect(basic.form.reveal() == "grant_type=refresh_token&refresh_token=r%261")
        #expect(refresh("client_secret_basic") == nil && refresh("later", secret: "s") == nil)
        #expect(!"\(basic) \(String(reflecting: basic.form))".contains("r%261"))
    }

    private func answer(_ status: Int, _ body: String) -> OAuthAnswer {
        OAuthAnswer(status: status, body: Array(body.utf8), at: Self.now)
    }

    @Test func `a grant gives a token, its end, and perhaps another refresh token`() {
        #expect(
            answer(200, #"{"access_token":"a2","token_type":"Bearer","expires_in":3600,"refresh_token":"r2"}"#)
                == .granted(
                    accessToken: Secret("a2"), expiresAt: Self.now.advanced(by: .seconds(3600)),
                    refreshToken: Secret("r2")))
        let bare = OAuthAnswer.granted(accessToken: Secret("a2"), expiresAt: nil, refreshToken: nil)
        for body in [
            #"{"access_token":"a2"}"#, #"{"access_token":"a2","expires_in":0}"#,
            #"{"access_token":"a2","expires_in":-5,"refresh_token":null}"#, #"{"access_token":"a2","expires_in":"x"}"#,
        ] { #expect(answer(200, body) == bare) }
        let years = Self.now.advanced(by: .seconds(10 * 366 * 86_400))
        for seconds in [#""60""#, "1e300"] {
            guard case .granted(_, let end, _) = answer(200, #"{"access_token":"a","expires_in":\#(seconds)}"#) else {
                Issue.record("no grant for \(seconds)")
                continue
            }
            #expect(end == (seconds == "1e300" ? years : Self.now.advanced(by: .seconds(60))))
        }
    }

    @Test(arguments: [
        "", "null", "[]", "{}", #"{"access_token":""}"#, #"{"access_token":"two words"}"#,
        #"{"access_token":"a\r\nx: y"}"#, #"{"access_token":"a","token_type":"mac"}"#,
        #"{"access_token":"a","refresh_token":"b\n"}"#,
    ])
    func `what is no token does not replace one`(body: String) {
        #expect(answer(200, body) == .unavailable(reason: "the answer is no token"))
    }

    @Test func `an answer over the limit is not read`() {
        let body = #"{"access_token":"a","x":""# + String(repeating: "y", count: OAuthAnswer.sizeLimit) + #""}"#
        #expect(answer(200, body) == .unavailable(reason: "the answer is no token"))
    }

    @Test func `a grant that is gone is told from an endpoint that is down`() {
        #expect(answer(400, #"{"error":"invalid_grant"}"#) == .refused(reason: "invalid_grant"))
        #expect(answer(401, #"{"error":"Not <b>a</b> code"}"#) == .refused(reason: "status 401"))
        #expect(answer(403, "no") == .refused(reason: "status 403"))
        for status in [408, 429, 500, 503, 302, 204] {
            #expect(answer(status, "{}") == .unavailable(reason: "status \(status)"))
        }
    }
}
