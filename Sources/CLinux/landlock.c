#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_landlock.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

// As in linux/landlock.h of version 6 of the interface; older kernels take it while what they do not know is zero.
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

struct place_rule {
    uint64_t rights;
    int32_t place;
} __attribute__((packed));

enum { ask_version = 1, beneath_a_place = 1 };

int clinux_landlock_version(void) { return (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ask_version); }

int clinux_landlock_create(uint64_t rights, uint64_t scopes) {
    struct ruleset rules = {.files = rights, .scopes = scopes};
    return (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
}

int clinux_landlock_allow(int rules, int place, uint64_t rights) {
    struct place_rule rule = {.rights = rights, .place = place};
    return (int)syscall(SYS_landlock_add_rule, rules, beneath_a_place, &rule, 0);
}

int clinux_landlock_enforce(int rules) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
    return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}
