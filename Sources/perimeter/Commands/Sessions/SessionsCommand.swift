internal import ArgumentParser

/// Sessions: what agents do.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Create, watch and steer sessions.",
        subcommands: [
            SessionsCreate.self, SessionsList.self, SessionsGet.self, SessionsSend.self, SessionsStream.self,
            SessionsInterrupt.self, SessionsApprove.self, SessionsDeny.self, SessionsEvents.self,
            SessionsArchive.self, SessionsDelete.self, SessionsAttach.self, SessionsForward.self, SessionsUpload.self,
            SessionsDownload.self, SessionsSSH.self, SessionsPreview.self, SessionsSnapshot.self,
            SessionsPause.self, SessionsResume.self,
        ])
}
