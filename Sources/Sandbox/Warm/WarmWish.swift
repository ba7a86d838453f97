/// Whose sessions a kept sandbox is for, and how many of them should be ready.
public struct WarmWish: Sendable, Equatable {
    /// The environment. What is kept for one is given to no other, though they were alike.
    public var owner: String
    /// Sandboxes to keep ready; nil takes as many as the pool may have.
    public var count: Int?

    public init(owner: String = "", count: Int? = nil) {
        self.owner = owner
        self.count = count
    }
}
