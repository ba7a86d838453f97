// Calls that only the host side of a sandbox makes. Unless stated otherwise a function returns -1 and sets errno on failure.
#pragma once
#include <stdint.h>

// Mounts an ext4 image file read-write at `target` (nodev, nosuid) through a loop device that goes away with the mount.
// EBUSY while an earlier mount of the image is still being taken down.
int clinux_mount_image(const char *image, const char *target);
// Detaches a mount at once, also while something inside still uses it.
int clinux_unmount(const char *target);
// Writes everything of the file system that an open file is on back to its device.
int clinux_sync_filesystem(int file);
// A memory file with the given bytes, close-on-exec, at its start.
int clinux_memory_file(const char *name, const void *bytes, uint64_t count);
// Waits for a child. Returns its pid, 0 when it still runs and `block` is 0.
int clinux_reap(int32_t pid, int block);
// A memory file of this size, close-on-exec, that can be sealed.
int clinux_sealable_file(const char *name, uint64_t size);
// Makes it read-only for ever and for everybody. EBUSY while somebody has it mapped for writing.
int clinux_seal(int file);
// Sends bytes on a unix socket, and a descriptor with the first of them. Returns the count sent.
int64_t clinux_send_descriptor(int socket, const void *bytes, uint64_t count, int descriptor);
// Bounds the terminals in the file system that is mounted at /dev/pts in a mount namespace, an open file of /proc. The file system is
// made anew for `count` of them, with what bubblewrap gives it otherwise.
int clinux_bound_terminals(int mount_namespace, uint32_t count);
// How fast the processor's time stamp counter runs, measured for 20 ms; 0 where there is none.
uint64_t clinux_time_stamp_kilohertz(void);
