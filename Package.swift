// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// `PERIMETER_TEST_TARGETS=LoopTests,WireTests swift test` builds only these: a quick round while working on one part.
let chosenTests = Context.environment["PERIMETER_TEST_TARGETS"]?.split(separator: ",").map(String.init)

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> [Target] {
    guard chosenTests?.contains(name) ?? true else { return [] }
    return [.testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)]
}

let testTargets: [Target] = [
    tests("WireTests", ["Wire"]),
    tests("LoopTests", ["Loop", "Wire"]),
    tests("StoreTests", ["Store", "Wire", "Loop"]),
    tests(
        "ModelsTests",
        [
            "Models", "Wire", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("ToolsetTests", ["Toolset", "ExecdProtocol", "CLinux"]),
    tests(
        "SandboxTests",
        [
            "TestSupport", "Sandbox", "Egress", "ExecdProtocol", "CLinux",
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "Logging", package: "swift-log"),
        ]),
    tests(
        "EnginesTests",
        [
            "TestSupport", "Engines", "Unpacking", "Sandbox", "ExecdProtocol", "Wire", "CLinux",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
            .product(name: "Yams", package: "Yams"),
        ]),
    tests(
        "EgressTests",
        [
            "TestSupport", "Egress", "Sandbox", "Wire", "CLinux",
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            .product(name: "X509", package: "swift-certificates"), .product(name: "Logging", package: "swift-log"),
        ]),
    tests(
        "WorkerTests",
        [
            "Worker", "Unpacking", "Sandbox", "Egress", "Archive", "Wire",
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
        ], exclude: ["Golden"]),
    tests("ArchiveTests", ["Archive", "Wire"]),
    tests("CommandTests", ["perimeter", "Wire"]),
    tests(
        "OrchestratorTests",
        ["Orchestrator", "Store", "Models", "Loop", "Wire", .product(name: "Logging", package: "swift-log")]),
    tests(
        "ServerTests",
        [
            "Server", "Store", "Orchestrator", "Models", "Wire",
            .product(name: "HummingbirdTesting", package: "hummingbird"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
        ]),
    tests("HouseTests", []),
].flatMap { $0 }

let package = Package(
    name: "perimeter",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "perimeter", targets: ["perimeter"]),
        .executable(name: "perimeter-execd", targets: ["execd"]),
    ],
    dependencies: [
        // HTTP server: routing, bodies with limits, streaming responses, graceful shutdown.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        // HTTP client of the worker, the model back ends and the command line.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Event loops, byte buffers and unix sockets under both of the above.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // TLS to the hosts that sandboxes fetch from.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.36.0"),
        // Minting the certificates with which the egress gate looks into TLS where a rule asks for it.
        .package(url: "https://github.com/apple/swift-certificates", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.5.0"),
        // The embedded store: SQLite with a writer and snapshot readers.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Hashing of keys, sealing of secrets.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Commands, help texts, shell completion.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Settings: flags over environment over file over defaults.
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        // The settings file.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        // Start and stop of long-lived parts in order, signals.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // Ordered dictionaries and deques with documented costs.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // Channels between tasks in which a sender waits for its receiver.
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        // HTTP field names and status codes shared by server and client.
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    ],
    targets: [
        .target(name: "CLinux"),
        .target(name: "Wire", swiftSettings: strict),
        .target(name: "Unpacking", swiftSettings: strict),
        .target(
            name: "Loop",
            dependencies: ["Wire", .product(name: "OrderedCollections", package: "swift-collections")],
            swiftSettings: strict),
        .target(
            name: "Store",
            dependencies: [
                "Wire", "Loop",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Models",
            dependencies: [
                "Wire", "Loop",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(name: "ExecdProtocol", swiftSettings: strict),
        .target(name: "Toolset", dependencies: ["ExecdProtocol", "CLinux"], swiftSettings: strict),
        .executableTarget(
            name: "execd", dependencies: ["ExecdProtocol", "Toolset", "CLinux"], swiftSettings: strict),
        .target(
            name: "Sandbox",
            dependencies: [
                "ExecdProtocol", "CLinux",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Engines",
            dependencies: [
                "Wire", "Unpacking", "Sandbox", "ExecdProtocol", "CLinux",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Egress",
            dependencies: [
                "Wire", "Sandbox", "CLinux",
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Archive",
            dependencies: [
                "Wire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(
            name: "Worker",
            dependencies: [
                "Wire", "Unpacking", "Sandbox", "Egress", "Archive",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "Orchestrator",
            dependencies: [
                "Wire", "Loop", "Store", "Models",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "Server",
            dependencies: [
                "Wire", "Loop", "Store", "Orchestrator", "Models",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "perimeter",
            dependencies: [
                "Wire", "Store", "Models", "Orchestrator", "Server", "Sandbox", "Engines", "Worker", "Egress",
                "Archive",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        // What several test targets share: a view of the host, servers on the loopback, seeded random numbers.
        .target(
            name: "TestSupport",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
    ] + testTargets
)
