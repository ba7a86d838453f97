// Text matching of the C library that Swift cannot reach itself.
#pragma once
#include <stddef.h>

// Compiles a POSIX extended expression. Returns NULL and fills `message` when it is malformed. Free it with the call below.
void *clinux_regex_compile(const char *pattern, int ignore_case, char *message, size_t size);
// Whether the expression matches somewhere in the bytes.
int clinux_regex_search(const void *regex, const char *text, size_t length);
void clinux_regex_free(void *regex);

// Whether a file name matches a pattern of one path component (*, ?, [...]).
int clinux_name_matches(const char *pattern, const char *name);
