// Landlock (landlock(7)): a process gives up rights for itself and all that it starts, for ever. A function returns -1 and sets
// errno on failure.
#pragma once
#include <stdint.h>

// The version of the interface that the kernel has; fails with ENOSYS or EOPNOTSUPP where it has none.
int clinux_landlock_version(void);
// A set of rules, close-on-exec, that takes these rights on files away, and keeps signals and abstract sockets (`scopes`) inside.
int clinux_landlock_create(uint64_t rights, uint64_t scopes);
// Gives rights back below a place, an open file. EINVAL for rights of folders on what is none.
int clinux_landlock_allow(int rules, int place, uint64_t rights);
// Applies the rules to the calling thread, which can gain no privileges from then on, and to all that it starts.
int clinux_landlock_enforce(int rules);
