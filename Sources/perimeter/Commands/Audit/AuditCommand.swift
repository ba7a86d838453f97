internal import ArgumentParser

/// What was done, in a chain that shows when somebody changes it.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "See, export and check what was done.",
        discussion: "Needs the organisation's own key; `verify` needs neither key nor server.",
        subcommands: [AuditList.self, AuditExport.self, AuditVerify.self])
}
