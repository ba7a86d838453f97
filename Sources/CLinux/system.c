#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The numbers are the same on all architectures that this runs on (kernel: asm-generic/unistd.h).
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

enum { tree_clone = 1, tree_cloexec = O_CLOEXEC, move_from_empty = 4 };
enum { stack_bytes = 16 << 10 };
static const uint64_t attribute_read_only = 0x01, attribute_no_suid = 0x02, attribute_no_device = 0x04,
                      attribute_mapped = 0x100000;

struct mount_attributes {
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    uint64_t user_namespace;
};

// Shares the parent's memory: makes no call that touches it until it is killed.
static int wait_for_the_end(void *unused) {
    (void)unused;
    for (;;) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static int write_map(pid_t pid, const char *name, const char *map) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t length = strlen(map);
    ssize_t written = write(file, map, length);
    int error = written < 0 ? errno : EIO;
    close(file);
    if (written == (ssize_t)length) return 0;
    errno = error;
    return -1;
}

int clinux_user_namespace(const char *user_map, const char *group_map) {
    char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    // No handler of this process may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // The child's memory is this process's, so that none of it is copied. Its end is told to nobody but who asks for it.
    pid_t pid = clone(wait_for_the_end, stack + stack_bytes, CLONE_VM | CLONE_NEWUSER, NULL);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    int result = -1;
    if (pid >= 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        if (write_map(pid, "uid_map", user_map) == 0 && write_map(pid, "gid_map", group_map) == 0) {
            result = open(path, O_RDONLY | O_CLOEXEC);
        }
        error = errno;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {}
    }
    munmap(stack, stack_bytes);
    errno = error;
    return result;
}

int clinux_mount_mapped(const char *source, const char *target, int user_namespace, int read_only) {
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, tree_clone | tree_cloexec);
    if (tree < 0) return -1;
    struct mount_attributes attributes = {
        .set = attribute_no_suid | attribute_no_device | attribute_mapped | (read_only ? attribute_read_only : 0),
        .user_namespace = (uint64_t)user_namespace,
    };
    int result = (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (result == 0 && target != NULL) result = (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, target, move_from_empty);
    int error = errno;
    close(tree);
    errno = error;
    return result;
}

// The calling thread's user for files, with all capabilities that it had (capabilities(7): a change takes some away).
static int act_as(uint32_t user, uint32_t group, const struct __user_cap_data_struct *capabilities) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    syscall(SYS_setfsgid, group);
    syscall(SYS_setfsuid, user);
    // The calls say what was there before, so a second one says whether the first did its work.
    if ((uint32_t)syscall(SYS_setfsgid, group) != group || (uint32_t)syscall(SYS_setfsuid, user) != user) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_capset, &header, capabilities);
}

int clinux_mount_overlay(const char *target, const char *options, uint32_t user, int read_only) {
    char data[4096];
    int length = snprintf(data, sizeof data, "redirect_dir=nofollow,metacopy=off,index=off,%s", options);
    if (length < 0 || (size_t)length >= sizeof data) {
        errno = ENAMETOOLONG;
        return -1;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct capabilities[2];
    if (syscall(SYS_capget, &header, capabilities) < 0) return -1;
    // The kernel keeps the credentials of the thread that mounts, and writes the upper layer with them.
    int result = act_as(user, user, capabilities);
    if (result == 0) {
        unsigned long flags = MS_NODEV | MS_NOSUID | MS_NOATIME | (read_only ? MS_RDONLY : 0);
        result = mount("overlay", target, "overlay", flags, data);
    }
    int error = errno;
    if (act_as(geteuid(), getegid(), capabilities) < 0) abort();
    errno = error;
    return result;
}
