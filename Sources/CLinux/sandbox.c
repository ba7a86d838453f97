#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { max_maps = 16, scratch_base = 210, stack_size = 64 << 10, soft_open_files = 4096 };

struct child {
    const struct clinux_sandbox_launch *launch;
    const int *moved;
    int stage;
    int error;
};

// The glibc wrappers would change every thread of the parent, whose memory the child shares: raw calls.
static int change_user(const struct clinux_sandbox_launch *launch) {
    if (!launch->changes_user) return 0;
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -1;
    if (syscall(SYS_setresgid, launch->group, launch->group, launch->group) < 0) return -1;
    return (int)syscall(SYS_setresuid, launch->user, launch->user, launch->user);
}

static int enter_namespace(const struct clinux_sandbox_launch *launch) {
    if (!launch->enters_namespace) return 0;
    if (syscall(SYS_setns, launch->user_namespace, CLONE_NEWUSER) < 0) return -1;
    // The bound of the namespace that this process is in now (namespaces(7)).
    int file = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t written = write(file, "0", 1);
    int error = errno;
    close(file);
    errno = error;
    return written == 1 ? 0 : -1;
}

static int set_limits(const struct clinux_sandbox_launch *launch) {
    struct rlimit none = {0, 0};
    struct rlimit files;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0) return -1;
    if (files.rlim_max > launch->open_files) files.rlim_max = launch->open_files;
    files.rlim_cur = files.rlim_max < soft_open_files ? files.rlim_max : soft_open_files;
    struct rlimit processes = {launch->processes, launch->processes};
    if (launch->processes != 0 && setrlimit(RLIMIT_NPROC, &processes) < 0) return -1;
    return setrlimit(RLIMIT_NOFILE, &files);
}

static int prepare(const struct child *child) {
    const struct clinux_sandbox_launch *launch = child->launch;
    for (size_t index = 0; index < launch->map_count; index++) {
        if (dup2(child->moved[index], launch->maps[index].target) < 0) return -1;
    }
    if (syscall(SYS_close_range, (unsigned)launch->map_count, ~0U, 0) < 0) return -1;
    umask(022);
    if (chdir("/") < 0 || set_limits(launch) < 0) return -1;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// Runs on the parent's memory while the calling thread of the parent waits.
static int child_main(void *argument) {
    struct child *child = argument;
    const struct clinux_sandbox_launch *launch = child->launch;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    errno = 0;
    child->stage = CLINUX_SANDBOX_JOIN;
    for (size_t index = 0; index < launch->join_count; index++) {
        if (write(launch->joins[index], "0", 1) != 1) goto failed;
    }
    child->stage = CLINUX_SANDBOX_USER;
    // Before the descriptors are closed, of which the namespace is one.
    if (enter_namespace(launch) < 0) goto failed;
    child->stage = CLINUX_SANDBOX_PREPARE;
    if (setsid() < 0 || prepare(child) < 0) goto failed;
    child->stage = CLINUX_SANDBOX_USER;
    if (change_user(launch) < 0) goto failed;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    child->stage = CLINUX_SANDBOX_EXEC;
    execve(launch->path, launch->arguments, launch->environment);
failed:
    child->error = errno != 0 ? errno : EIO;
    _exit(127);
}

static int start(int32_t *pid, struct child *child, char *stack) {
    // No handler of this process may run in the child: it would see this process's memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = clone(child_main, stack + stack_size, CLONE_VM | CLONE_VFORK | SIGCHLD, child);
    int error = started < 0 ? errno : child->error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started < 0) return error;
    if (error != 0) {
        while (waitpid(started, NULL, 0) < 0 && errno == EINTR) {}
        return error;
    }
    *pid = started;
    return 0;
}

int clinux_sandbox_spawn(int32_t *pid, const struct clinux_sandbox_launch *launch, int *stage) {
    int moved[max_maps];
    size_t used = 0;
    *stage = CLINUX_SANDBOX_PREPARE;
    if (launch->map_count > max_maps) return EINVAL;
    int error = 0;
    // Sources move out of the way first, so that no target overwrites a later source.
    for (; used < launch->map_count && error == 0; used++) {
        moved[used] = fcntl(launch->maps[used].source, F_DUPFD_CLOEXEC, scratch_base);
        if (moved[used] < 0) {
            error = errno;
            break;
        }
    }
    if (error == 0) {
        char *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED) {
            error = errno;
        } else {
            struct child child = {.launch = launch, .moved = moved, .stage = CLINUX_SANDBOX_PREPARE};
            error = start(pid, &child, stack);
            *stage = child.stage;
            munmap(stack, stack_size);
        }
    }
    for (size_t index = 0; index < used; index++) close(moved[index]);
    return error;
}
