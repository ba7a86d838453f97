import Testing

#if arch(x86_64)
    private let isSupported = true
#else
    private let isSupported = false
#endif

/// Tests with real guests, one after the other: an emulated processor takes a real one wholly.
@Suite(.serialized, .enabled(if: isSupported, "the engine knows machines of x86-64 only")) enum MicroVMTests {}
