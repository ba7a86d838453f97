#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO('R', 0x07)
#endif

const uint64_t clinux_mount_read_only = MS_RDONLY;
const uint64_t clinux_mount_plain = MS_NODEV | MS_NOSUID;
const uint64_t clinux_mount_no_atime = MS_NOATIME;
const uint64_t clinux_mount_bind = MS_BIND;
const uint64_t clinux_mount_move = MS_MOVE;

static int closing(int descriptor, int result) {
    int error = errno;
    close(descriptor);
    errno = error;
    return result;
}

int clinux_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
    return mount(source, target, type, flags, data);
}

int clinux_load_module(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    return closing(file, (int)syscall(SYS_finit_module, file, "", 0));
}

int clinux_bring_up_loopback(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return closing(descriptor, ioctl(descriptor, SIOCSIFFLAGS, &request));
}

int clinux_reseed(const void *bytes, uint64_t count) {
    // As struct rand_pool_info, whose last member has no length.
    struct {
        int entropy_count;
        int buf_size;
        unsigned char bytes[CLINUX_SEED_MAX];
    } seed;
    if (count > CLINUX_SEED_MAX) {
        errno = EINVAL;
        return -1;
    }
    int device = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (device < 0) return -1;
    seed.entropy_count = (int)count * 8;
    seed.buf_size = (int)count;
    memcpy(seed.bytes, bytes, count);
    int result = ioctl(device, RNDADDENTROPY, &seed);
    explicit_bzero(&seed, sizeof seed);
    // Until then the generator would go on from the state that it shares with other copies of this machine.
    if (result == 0) result = ioctl(device, RNDRESEEDCRNG);
    return closing(device, result);
}

int clinux_set_clock(int64_t nanoseconds) {
    struct timespec now = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return clock_settime(CLOCK_REALTIME, &now);
}

int clinux_restart(void) {
    sync();
    return reboot(RB_AUTOBOOT);
}

int clinux_edges(int descriptor) {
    int edges = epoll_create1(EPOLL_CLOEXEC);
    if (edges < 0) return -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLET};
    if (epoll_ctl(edges, EPOLL_CTL_ADD, descriptor, &event) < 0) return closing(edges, -1);
    return edges;
}

int clinux_take_edges(int edges) {
    struct epoll_event event;
    return epoll_wait(edges, &event, 1, 0);
}
