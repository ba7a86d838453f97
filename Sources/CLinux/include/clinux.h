// Linux calls that Swift cannot reach itself: variadic ones, macros, and those without a glibc wrapper.
// Unless stated otherwise a function returns -1 and sets errno on failure, as the call behind it does.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Bits of openat2's `resolve`.
enum {
    CLINUX_RESOLVE_NO_XDEV = 0x01,
    CLINUX_RESOLVE_NO_MAGICLINKS = 0x02,
    CLINUX_RESOLVE_NO_SYMLINKS = 0x04,
    CLINUX_RESOLVE_BENEATH = 0x08,
    CLINUX_RESOLVE_IN_ROOT = 0x10,
};

// Flags that are hidden behind feature macros.
extern const int clinux_o_path;
extern const int clinux_o_tmpfile;

int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int clinux_openat(int directory, const char *path, int flags, uint32_t mode);

int clinux_set_dumpable(int dumpable);
/// RLIMIT_NPROC of this process and its children: processes and threads of its user in its user namespace.
int clinux_bound_processes(uint64_t count);
int clinux_set_no_new_privileges(void);
// Orphans below this process become its children.
int clinux_set_child_subreaper(void);
// The first place of the needle, or NULL, in linear time.
const void *clinux_find(const void *bytes, size_t count, const void *needle, size_t length);

// The signal this process gets when its parent thread ends.
int clinux_set_parent_death_signal(int signal);

int clinux_pidfd_open(int32_t pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
int clinux_memfd_create(const char *name);
// Close-on-exec, non-blocking.
int clinux_eventfd(void);
// Blocks the signals for the calling thread and delivers them on the returned descriptor (close-on-exec, non-blocking).
int clinux_signalfd(const int *signals, size_t count);
// Bytes of one record on such a descriptor; its first four are the signal's number.
enum { CLINUX_SIGNAL_RECORD = 128 };
int clinux_pipe(int descriptors[2]);

int clinux_set_nonblocking(int descriptor, int nonblocking);
int clinux_set_cloexec(int descriptor, int cloexec);
// Sets close-on-exec on every open descriptor from `first` on.
int clinux_set_cloexec_from(int first);

int clinux_did_exit(int status);
int clinux_exit_status(int status);
int clinux_did_signal(int status);
int clinux_term_signal(int status);

struct clinux_descriptor_map {
    int source;
    int target;
};

// Starts a program in a new session with the given descriptors and nothing else, default signals and an empty mask.
// Returns 0 or an error number.
int clinux_spawn(int32_t *pid, const char *path, char *const *arguments, char *const *environment, const char *directory,
                 const struct clinux_descriptor_map *maps, size_t map_count);

// A pseudo terminal of that size. The master is close-on-exec and non-blocking; `name` gets the path of the other end.
// Returns the master, or -1 with errno.
int clinux_open_terminal(uint16_t columns, uint16_t rows, char *name, size_t name_size);

// Tells the terminal its size. Returns 0, or -1 with errno.
int clinux_resize_terminal(int master, uint16_t columns, uint16_t rows);

// As clinux_spawn, with the terminal at `name` as standard input, output and error and as the controlling one.
int clinux_spawn_on_terminal(int32_t *pid, const char *path, char *const *arguments, char *const *environment,
                             const char *directory, const char *name);

// A TCP socket that listens on 127.0.0.1:port, close-on-exec and non-blocking; port 0 picks one.
int clinux_listen_loopback(uint16_t port);
// Starts connecting to a loopback port (IPv6 when `v6`), close-on-exec and non-blocking. The connect may be in progress.
int clinux_connect_loopback(uint16_t port, int v6);
// The pending error of a socket, 0 when there is none.
int clinux_socket_error(int descriptor);
// Accepts a connection, close-on-exec and non-blocking.
int clinux_accept(int descriptor);
// A unix stream socket that listens at the path, close-on-exec; an old file there is removed first.
int clinux_listen_unix(const char *path);
int clinux_connect_unix(const char *path);

// A TCP socket that listens at that IPv4 address (host byte order) and port, close-on-exec and non-blocking.
int clinux_listen_at(uint32_t address, uint16_t port);
// A UDP socket on 127.0.0.1:port, close-on-exec and non-blocking.
int clinux_datagrams_loopback(uint16_t port);
// One datagram with its sender, in host byte order. Returns its length, cut to the capacity.
int64_t clinux_receive_datagram(int descriptor, void *bytes, uint64_t capacity, uint32_t *address, uint16_t *port);
int64_t clinux_send_datagram(int descriptor, const void *bytes, uint64_t count, uint32_t address, uint16_t port);

// A descriptor that is readable while one of those that it watches is; closing one of these takes it out.
int clinux_watch_set(void);
int clinux_watch(int set, int descriptor, uint64_t token);
// The tokens of those that are readable now. Returns their number.
int clinux_take_watched(int set, uint64_t *tokens, int capacity);
