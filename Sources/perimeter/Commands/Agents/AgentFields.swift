internal import ArgumentParser
internal import FoundationEssentials
internal import Wire

/// The parts of an agent that flags can give, over an optional file with the whole request body.
struct AgentFields: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Name.", valueName: "text"))
    var name: String?

    @Option(name: .long, help: ArgumentHelp("Model.", valueName: "id"))
    var model: String?

    @Option(name: .long, help: ArgumentHelp("System prompt.", valueName: "text"))
    var system: String?

    @Option(name: .long, help: ArgumentHelp("Description.", valueName: "text"))
    var description: String?

    @Option(
        name: .long, help: ArgumentHelp("Request body as JSON or YAML; flags replace its members.", valueName: "path"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var file: String?

    @Flag(name: .long, help: "Every call of the built-in tools waits for approval.")
    var ask = false

    @Flag(name: .long, help: "No tools at all.")
    var noTools = false

    func validate() throws {
        guard !(ask && noTools) else { throw ValidationError("--ask and --no-tools exclude each other") }
    }

    /// The request body.
    /// - Parameter tools: the toolset when neither the file nor a flag names tools; nil leaves them out.
    func body(tools: JSON?) throws(CommandError) -> JSON {
        var body: JSON = [:]
        if let file { body = try DocumentFile.read(file) }
        if let name { body["name"] = .string(name) }
        if let model { body["model"] = .string(model) }
        if let system { body["system"] = .string(system) }
        if let description { body["description"] = .string(description) }
        if noTools {
            body["tools"] = []
        } else if ask {
            body["tools"] = [AgentToolset.json(asks: true)]
        } else if body["tools"] == nil, let tools {
            body["tools"] = [tools]
        }
        return body
    }
}
