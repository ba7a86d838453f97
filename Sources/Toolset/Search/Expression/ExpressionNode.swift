/// A parsed expression.
indirect enum ExpressionNode: Equatable {
    /// A place between two characters.
    enum Assertion: Equatable { case lineStart, lineEnd, wordBoundary, noWordBoundary, wordStart, wordEnd }

    case empty
    case set(ScalarSet)
    case assertion(Assertion)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    /// A nil maximum has no end.
    case repeated(ExpressionNode, minimum: Int, maximum: Int?)
}
