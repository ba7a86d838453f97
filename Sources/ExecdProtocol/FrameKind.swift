/// What a frame carries: the first byte of its header.
///
/// The protocol in one table. W is the worker (client), E is execd. A connection carries frames in both directions; a frame
/// is a 9-byte header (`kind` u8, `stream` u32, `length` u32, big endian) and `length` ≤ 1 MiB of payload. Fields inside are
/// big endian; text and byte fields have a u32 length in front.
///
/// | kind | way | stream | payload | meaning |
/// |---|---|---|---|---|
/// | hello | W→E | 0 | version u16, flags u8 (1 = send progress) | first frame of a connection |
/// | helloAck | E→W | 0 | ``HelloAck`` | the answer; the connection is usable after it |
/// | ping, pong | both | 0 | u64, echoed | liveness, answered at once also while tools run |
/// | shutdown | W→E | 0 | – | kill everything inside and exit |
/// | fault | E→W | request's, or 0 | code u8, text | the request failed; on stream 0 the connection ends |
/// | call | W→E | new odd | fragments of: id, ``CallInput`` | run once; a known id waits for, or gets, the kept result |
/// | callAccepted | E→W | call's | u8 ``CallAcceptance`` | journalled (started, already running, already settled) |
/// | output | E→W | call's | raw bytes | optional progress, lossy: never sent when the connection is busy |
/// | result | E→W | call's | fragments of: ``CallResult`` | settles the call; the stream is finished |
/// | cancel | W→E | 0 | id | kill the call's processes; its result follows on the streams that wait for it |
/// | journalRequest | W→E | new odd | – | ask for all known calls |
/// | journalEntry | E→W | request's | fragments of: id, state u8, result when settled | one known call, oldest first |
/// | journalEnd | E→W | request's | – | all entries sent; the stream is finished |
/// | putBegin | W→E | new odd | path, mode u16 | create (parents too) or replace a file once all of it arrived |
/// | putData | W→E | put's | raw bytes | in order, at most 64 KiB wanted per frame; the socket is the back-pressure |
/// | putEnd | W→E | put's | – | put the file in place |
/// | putDone | E→W | put's | – | in place; a `fault` instead says why not |
/// | configure | W→E | new odd | ``Configuration`` | variables and certificates of programs that start from now on, instead of earlier ones |
/// | configured | E→W | configure's | – | they hold; a `fault` instead says why not, and the earlier ones stay |
/// | open | E→W | new even | – | a program inside connected to the local proxy port |
/// | openPort | W→E | new odd | port u16 | connect to 127.0.0.1:port inside |
/// | openShell | W→E | new odd | columns u16, rows u16, command | start a shell for a person: on a terminal of that size, or on plain streams when it has no columns; an empty command is an interactive shell |
/// | opened | E→W | openPort's, openShell's | – | connected; a `reset` instead says why not |
/// | resize | W→E | openShell's | columns u16, rows u16 | the terminal's new size |
/// | exited | E→W | openShell's | code i32 | the shell ended so, 128 + n for signal n; its `end` follows |
/// | data | both | TCP stream's | raw bytes | costs credit |
/// | window | both | TCP stream's | u32 | gives that much more credit to the other side |
/// | end | both | TCP stream's | – | no more data this way (half-close); both ways ended = the stream is finished |
/// | reset | both | TCP stream's | u8 ``ResetReason`` | the stream is finished at once |
///
/// - Streams: the worker takes odd numbers, execd even ones; a number is never used twice on a connection. Frames on a stream
///   that is already finished are ignored, for they may have crossed the frame that finished it.
/// - Fragments: `call`, `result` and `journalEntry` start with one byte, 1 = more of this message follows on this stream,
///   0 = the last piece. Pieces of different streams may alternate. An assembled message has at most
///   ``ProtocolLimits/maxMessage`` bytes.
/// - Credit: each direction of a TCP stream starts with ``ProtocolLimits/initialWindow`` bytes; a sender without credit waits.
///   Spending more than granted is a protocol error.
/// - A newer connection replaces the older one: TCP streams and requests of the old one end, running calls go on.
package enum FrameKind: UInt8, Sendable, CaseIterable {
    case hello = 1
    case helloAck
    case ping
    case pong
    case shutdown
    case fault

    case call = 16
    case callAccepted
    case output
    case result
    case cancel

    case journalRequest = 32
    case journalEntry
    case journalEnd

    case putBegin = 48
    case putData
    case putEnd
    case putDone

    case open = 64
    case openPort
    case opened
    case data
    case window
    case end
    case reset
    case openShell
    case resize
    case exited

    case configure = 80
    case configured

    /// Messages of this kind may span several frames.
    package var isFragmented: Bool {
        switch self {
        case .call, .result, .journalEntry: true
        default: false
        }
    }
}
