internal import Dispatch

/// Threads for calls that block, so that they take none of the pool's few.
struct FileLane: Sendable {
    private let queue = DispatchQueue(label: "perimeter.archive.files", attributes: .concurrent)

    func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
