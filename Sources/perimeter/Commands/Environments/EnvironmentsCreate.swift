internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create an environment.
struct EnvironmentsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create an environment.")

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case cloud
        case selfHosted = "self-hosted"
    }

    @Option(name: .long, help: ArgumentHelp("Name.", valueName: "text"))
    var name: String

    @Option(name: .long, help: "cloud: the operator's workers run the tools. self-hosted: workers with its key do.")
    var type = Kind.cloud

    @Option(name: .long, help: ArgumentHelp("Description.", valueName: "text"))
    var description: String?

    @Flag(name: .long, help: "No network but the hosts named with --allow-host (cloud).")
    var limited = false

    @Option(
        name: .long, help: ArgumentHelp("Host that may be reached, with --limited. May be repeated.", valueName: "host")
    )
    var allowHost: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Package to install, such as pip:requests. May be repeated.", valueName: "manager:name"))
    var package: [String] = []

    func validate() throws {
        guard limited || allowHost.isEmpty else { throw ValidationError("--allow-host needs --limited") }
        guard type == .cloud || (!limited && package.isEmpty) else {
            throw ValidationError(
                "networking and packages belong to cloud environments; a self-hosted worker has its own")
        }
        for package in package where !package.contains(":") {
            throw ValidationError("--package \(package): write it as manager:name, such as pip:requests")
        }
    }

    private var config: JSON {
        guard type == .cloud else { return ["type": "self_hosted"] }
        var networking: JSON = ["type": "unrestricted"]
        if limited {
            networking = [
                "type": "limited", "allowed_hosts": .array(allowHost.map(JSON.string)),
                "allow_package_managers": JSON(!package.isEmpty),
            ]
        }
        var packages: JSON = [:]
        for entry in package {
            let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
            let known = packages[parts[0]]?.arrayValue ?? []
            packages[parts[0]] = .array(known + [.string(parts.count > 1 ? parts[1] : "")])
        }
        return ["type": "cloud", "networking": networking, "packages": packages]
    }

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        var body: JSON = ["name": .string(name), "config": config]
        if let description { body["description"] = .string(description) }
        let request = body
        let made = try await client.withClient { try await $0.call(.POST, "/v1/environments", body: request) }
        Printer(isJSON: client.json).done(made, "created \(made["id"]?.stringValue ?? "?")")
    }
}
