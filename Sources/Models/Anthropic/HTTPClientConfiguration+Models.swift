public import AsyncHTTPClient
internal import NIOCore

extension HTTPClient.Configuration {
    /// Settings for a client that talks to model providers.
    ///
    /// - Parameters:
    ///   - connectTimeout: the longest a connection may take to come about.
    ///   - readTimeout: the longest silence within a response; providers send pings in between.
    public static func models(
        connectTimeout: Duration = .seconds(15), readTimeout: Duration = .seconds(300)
    ) -> HTTPClient.Configuration {
        // Redirects stay off: the client would carry the key to another host.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = Timeout(connect: TimeAmount(connectTimeout), read: TimeAmount(readTimeout))
        // The agent loop retries, and says so in the session's log.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}
