#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_text.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>

void *clinux_regex_compile(const char *pattern, int ignore_case, char *message, size_t size) {
    regex_t *regex = malloc(sizeof *regex);
    if (regex == NULL) return NULL;
    int error = regcomp(regex, pattern, REG_EXTENDED | REG_NEWLINE | (ignore_case ? REG_ICASE : 0));
    if (error == 0) return regex;
    regerror(error, regex, message, size);
    free(regex);
    return NULL;
}

int clinux_regex_search(const void *regex, const char *text, size_t length) {
    regmatch_t match = {.rm_so = 0, .rm_eo = (regoff_t)length};
    return regexec(regex, text, 1, &match, REG_STARTEND) == 0;
}

void clinux_regex_free(void *regex) {
    if (regex == NULL) return;
    regfree(regex);
    free(regex);
}

int clinux_name_matches(const char *pattern, const char *name) { return fnmatch(pattern, name, 0) == 0; }
