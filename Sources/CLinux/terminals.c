#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_host.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { stack_size = 64 << 10 };

struct visit {
    int place;
    char options[96];
    int error;
};

// Runs on the parent's memory while the calling thread of the parent waits, with a root folder of its own.
static int remount(void *argument) {
    struct visit *visit = argument;
    if (setns(visit->place, CLONE_NEWNS) < 0 ||
        mount("devpts", "/dev/pts", NULL, MS_REMOUNT | MS_NOSUID | MS_NOEXEC, visit->options) < 0) {
        visit->error = errno != 0 ? errno : EIO;
    }
    _exit(0);
}

int clinux_bound_terminals(int mount_namespace, uint32_t count) {
    struct visit visit = {.place = mount_namespace, .error = 0};
    snprintf(visit.options, sizeof visit.options, "newinstance,ptmxmode=0666,mode=620,max=%u", count);
    char *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    // No handler of this process may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pid = clone(remount, stack + stack_size, CLONE_VM | CLONE_VFORK | SIGCHLD, &visit);
    int error = pid < 0 ? errno : visit.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid >= 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    }
    munmap(stack, stack_size);
    errno = error;
    return error == 0 ? 0 : -1;
}
