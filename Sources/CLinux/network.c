#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct visit {
    int network;
    int error;
};

// What a process sees below /proc/sys/net belongs to its own network namespace: here that of this thread.
static void *open_low_ports(void *argument) {
    struct visit *visit = argument;
    visit->error = 0;
    if (setns(visit->network, CLONE_NEWNET) < 0) {
        visit->error = errno;
        return NULL;
    }
    int setting = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
    if (setting < 0 || write(setting, "0", 1) != 1) visit->error = errno;
    if (setting >= 0) close(setting);
    return NULL;
}

int clinux_open_low_ports(int32_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    struct visit visit = {.network = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat own, other;
    if (visit.network < 0) return errno;
    // A sandbox that shares the host's network would open the host's ports.
    if (stat("/proc/self/ns/net", &own) < 0 || fstat(visit.network, &other) < 0) {
        visit.error = errno;
    } else if (own.st_ino == other.st_ino) {
        visit.error = EXDEV;
    } else {
        pthread_t thread;
        visit.error = pthread_create(&thread, NULL, open_low_ports, &visit);
        if (visit.error == 0) pthread_join(thread, NULL);
    }
    close(visit.network);
    return visit.error;
}
