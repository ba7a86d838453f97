// The mounts of a sandbox whose system files may change. A function returns -1 and sets errno on failure.
#pragma once
#include <stdint.h>

// A user namespace with these maps (user_namespaces(7)) and no process in it. Returns its descriptor, close-on-exec.
int clinux_user_namespace(const char *user_map, const char *group_map);
// Mounts a folder once more at `target` (nodev, nosuid), where the owners of its files are those that the maps of the user
// namespace make of them. EINVAL where the file system or the kernel cannot do that. Without a target it is only tried.
int clinux_mount_mapped(const char *source, const char *target, int user_namespace, int read_only);
// Mounts an overlay (nodev, nosuid) that follows no redirections in its layers; read-only without an upper layer.
// `user` is whom the kernel writes the upper layer as, and its group: one that the maps of an upper layer know.
int clinux_mount_overlay(const char *target, const char *options, uint32_t user, int read_only);
