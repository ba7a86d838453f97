// Starting the first process of a sandbox. Unless stated otherwise a function returns -1 and sets errno on failure.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "clinux.h"

struct clinux_sandbox_launch {
    const char *path;
    char *const *arguments;
    char *const *environment;
    // Files of control groups into which the child writes "0": itself.
    const int *joins;
    size_t join_count;
    // Descriptors of the new program; the targets start at 0 and have no gap.
    const struct clinux_descriptor_map *maps;
    size_t map_count;
    int changes_user;
    uint32_t user;
    uint32_t group;
    // Whether the program starts in a user namespace, and its descriptor; `user` and `group` are numbers in it then. No program
    // inside makes further ones.
    int enters_namespace;
    int user_namespace;
    // The most files a process inside may have open.
    uint64_t open_files;
    // The most processes and threads of its user; 0 leaves that to control groups.
    uint64_t processes;
};

// The stage at which a launch failed.
enum { CLINUX_SANDBOX_PREPARE = 1, CLINUX_SANDBOX_JOIN, CLINUX_SANDBOX_USER, CLINUX_SANDBOX_EXEC };

// Starts a program in its own session without copying this process's page tables. It is in its control groups from its
// first instruction on, has no other descriptors than the given ones, default signals, and can gain no privileges.
// A change of the user also makes the calling process undumpable, for it shares its memory for a moment.
// Returns 0 or an error number, and the stage that it belongs to.
int clinux_sandbox_spawn(int32_t *pid, const struct clinux_sandbox_launch *launch, int *stage);

// Lets every program in the network namespace of a process listen on every port, as a thread that enters that namespace and
// ends. Needs root. Returns 0 or an error number.
int clinux_open_low_ports(int32_t pid);
