#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int give_up(int descriptor) {
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

static struct sockaddr_in at(uint32_t address, uint16_t port) {
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    return result;
}

int clinux_listen_at(uint32_t address, uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -1;
    int on = 1;
    struct sockaddr_in target = at(address, port);
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(descriptor, (struct sockaddr *)&target, sizeof target) < 0 || listen(descriptor, 128) < 0) {
        return give_up(descriptor);
    }
    return descriptor;
}

int clinux_datagrams_loopback(uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -1;
    struct sockaddr_in target = at(INADDR_LOOPBACK, port);
    if (bind(descriptor, (struct sockaddr *)&target, sizeof target) < 0) return give_up(descriptor);
    return descriptor;
}

int64_t clinux_receive_datagram(int descriptor, void *bytes, uint64_t capacity, uint32_t *address, uint16_t *port) {
    struct sockaddr_in sender = at(0, 0);
    socklen_t length = sizeof sender;
    ssize_t count = recvfrom(descriptor, bytes, capacity, 0, (struct sockaddr *)&sender, &length);
    *address = ntohl(sender.sin_addr.s_addr);
    *port = ntohs(sender.sin_port);
    return count;
}

int64_t clinux_send_datagram(int descriptor, const void *bytes, uint64_t count, uint32_t address, uint16_t port) {
    struct sockaddr_in target = at(address, port);
    return sendto(descriptor, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&target, sizeof target);
}

int clinux_watch_set(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_watch(int set, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
}

int clinux_take_watched(int set, uint64_t *tokens, int capacity) {
    struct epoll_event events[16];
    int count = epoll_wait(set, events, capacity < 16 ? capacity : 16, 0);
    for (int index = 0; index < count; index++) tokens[index] = events[index].data.u64;
    return count;
}
