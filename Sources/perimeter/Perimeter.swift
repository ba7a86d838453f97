internal import ArgumentParser

/// The command line: reads the arguments, runs one command, turns its error into a message and an exit status.
@main
struct Perimeter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perimeter",
        abstract: "Runs AI agents inside your own perimeter.",
        discussion: """
            `perimeter up` starts everything on this machine; `perimeter run "prompt"` runs one session.

            Exit status: 0 done, 1 failure, 2 wrong usage or settings, 3 not found, 4 not authenticated,
            5 server unreachable, 130 interrupted.
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(name: "Serve", subcommands: [UpCommand.self, ServerCommand.self, WorkerCommand.self]),
            CommandGroup(
                name: "Use and administer",
                subcommands: [
                    RunCommand.self, AgentsCommand.self, EnvironmentsCommand.self, SessionsCommand.self,
                    VaultsCommand.self, KeysCommand.self, SnapshotsCommand.self, AuditCommand.self,
                ]),
            CommandGroup(name: "Check", subcommands: [DoctorCommand.self, ConfigCommand.self]),
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    private static func end(with error: any Error) -> Never {
        if let error = error as? CommandError {
            Terminal.writeError(error.description + "\n")
            ProcessExit.exit(error.code.rawValue)
        }
        let status = exitCode(for: error)
        switch status {
        case .success:
            // Help and version texts are answers, not failures.
            Terminal.write(fullMessage(for: error) + "\n")
            ProcessExit.exit(0)
        case .validationFailure:
            Terminal.writeError(fullMessage(for: error) + "\n")
            ProcessExit.exit(CommandError.Code.usage.rawValue)
        default:
            let message = fullMessage(for: error)
            if !message.isEmpty { Terminal.writeError(message + "\n") }
            ProcessExit.exit(status.rawValue)
        }
    }
}
