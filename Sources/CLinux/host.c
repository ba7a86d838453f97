#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { loop_attempts = 64 };

// Attaches the image to a free loop device and gives its path and descriptor.
static int attach(const char *image, char *path, size_t size) {
    int file = open(image, O_RDWR | O_CLOEXEC);
    if (file < 0) return -1;
    // The device keeps this open file, and with it the lock, until the last mount of the image is gone: no image can be
    // mounted a second time while the kernel still writes back the first one.
    if (flock(file, LOCK_EX | LOCK_NB) < 0) {
        int error = errno == EWOULDBLOCK ? EBUSY : errno;
        close(file);
        errno = error;
        return -1;
    }
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) {
        int error = errno;
        close(file);
        errno = error;
        return -1;
    }
    int device = -1;
    int error = EBUSY;
    for (int attempt = 0; attempt < loop_attempts; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0) {
            error = errno;
            break;
        }
        snprintf(path, size, "/dev/loop%d", number);
        device = open(path, O_RDWR | O_CLOEXEC);
        if (device < 0) {
            error = errno;
            break;
        }
        struct loop_config config;
        memset(&config, 0, sizeof config);
        config.fd = (uint32_t)file;
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0) break;
        error = errno;
        close(device);
        device = -1;
        // Another process was faster: take the next one.
        if (error != EBUSY) break;
    }
    close(control);
    close(file);
    if (device < 0) errno = error;
    return device;
}

int clinux_mount_image(const char *image, const char *target) {
    char path[64];
    int device = attach(image, path, sizeof path);
    if (device < 0) return -1;
    int result = mount(path, target, "ext4", MS_NODEV | MS_NOSUID | MS_NOATIME, NULL);
    int error = errno;
    close(device);
    errno = error;
    return result;
}

int clinux_unmount(const char *target) { return umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW); }

int clinux_sync_filesystem(int file) { return syncfs(file); }

int clinux_memory_file(const char *name, const void *bytes, uint64_t count) {
    int file = memfd_create(name, MFD_CLOEXEC);
    if (file < 0) return -1;
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(file, next, count);
        if (written < 0) {
            if (errno == EINTR) continue;
            int error = errno;
            close(file);
            errno = error;
            return -1;
        }
        next += written;
        count -= (uint64_t)written;
    }
    if (lseek(file, 0, SEEK_SET) < 0) {
        int error = errno;
        close(file);
        errno = error;
        return -1;
    }
    return file;
}

int clinux_reap(int32_t pid, int block) {
    int status;
    int result;
    do { result = waitpid(pid, &status, block ? 0 : WNOHANG); } while (result < 0 && errno == EINTR);
    return result;
}

int clinux_sealable_file(const char *name, uint64_t size) {
    int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -1;
    if (ftruncate(file, (off_t)size) < 0) {
        int error = errno;
        close(file);
        errno = error;
        return -1;
    }
    return file;
}

int clinux_seal(int file) {
    return fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

int64_t clinux_send_descriptor(int socket, const void *bytes, uint64_t count, int descriptor) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

uint64_t clinux_time_stamp_kilohertz(void) {
#if defined(__x86_64__)
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &begin);
    uint64_t first = __builtin_ia32_rdtsc();
    int64_t elapsed;
    uint64_t last;
    do {
        clock_gettime(CLOCK_MONOTONIC_RAW, &now);
        last = __builtin_ia32_rdtsc();
        elapsed = (now.tv_sec - begin.tv_sec) * 1000000000LL + now.tv_nsec - begin.tv_nsec;
    } while (elapsed < 20000000);
    return (last - first) * 1000000 / (uint64_t)elapsed;
#else
    return 0;
#endif
}
