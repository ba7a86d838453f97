/// Why a call's input cannot be used; the message is shown to the model.
struct ToolInputError: Error, Equatable {
    var message: String
}
