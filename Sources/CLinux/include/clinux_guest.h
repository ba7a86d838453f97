// Calls that only the first process of a virtual machine makes. A function returns -1 and sets errno on failure.
#pragma once
#include <stdint.h>

extern const uint64_t clinux_mount_read_only;
// Neither devices nor set-user-id programs.
extern const uint64_t clinux_mount_plain;
extern const uint64_t clinux_mount_no_atime;
extern const uint64_t clinux_mount_bind;
extern const uint64_t clinux_mount_move;

int clinux_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data);
// EEXIST when it is loaded already.
int clinux_load_module(const char *path);
int clinux_bring_up_loopback(void);

enum { CLINUX_SEED_MAX = 64 };
// Adds secret bytes to the kernel's random number generator and makes it start anew from all that it has.
int clinux_reseed(const void *bytes, uint64_t count);
// Nanoseconds since 1970.
int clinux_set_clock(int64_t nanoseconds);
// Writes everything back and resets the machine. Does not return on success.
int clinux_restart(void);

// A descriptor that becomes readable once for each change of the given one's state, also where that one is always ready
// because its other side hung up.
int clinux_edges(int descriptor);
// Takes what such a descriptor reports. Returns 0 when there was nothing.
int clinux_take_edges(int edges);
