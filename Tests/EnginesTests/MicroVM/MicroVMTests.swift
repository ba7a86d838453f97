import Testing

/// Tests with real guests, one after the other: an emulated processor takes a real one wholly.
@Suite(.serialized) enum MicroVMTests {}
