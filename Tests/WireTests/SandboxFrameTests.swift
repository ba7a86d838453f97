import Testing
import Wire

@Suite struct SandboxFrameTests {
    private let frames: [SandboxFrame] = [
        .data([]), .data([1, 2, 3]), .data([UInt8](repeating: 7, count: SandboxFrame.maximumLength)),
        .resize(columns: 65535, rows: 1), .endOfInput, .exited(-1), .exited(137), .failed("why"),
    ]

    @Test(arguments: [1, 2, 5, 7, 4096, 1 << 20])
    func `frames come back whole from pieces of any size`(size: Int) throws {
        let bytes = frames.flatMap(\.bytes)
        var decoder = SandboxFrameDecoder()
        var got: [SandboxFrame] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            got += try decoder.feed(bytes[start..<min(bytes.count, start + size)])
        }
        #expect(got == frames)
    }

    @Test(arguments: [
        [9, 0, 0, 0, 0], [0, 0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 1, 0, 1], [1, 0, 0, 0, 3, 1, 2, 3], [2, 0, 0, 0, 1, 0],
        [3, 0, 0, 0, 5, 1, 2, 3, 4, 5], [4, 0, 0, 0x10, 1] + [UInt8](repeating: 65, count: 4097),
    ])
    func `what is no frame is refused before it is collected`(_ bytes: [UInt8]) {
        var decoder = SandboxFrameDecoder()
        #expect(throws: SandboxFrameDecoder.Malformed.self) { try decoder.feed(bytes) }
    }
}
