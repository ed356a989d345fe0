/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "keys.h"

#define DOMID_DIGITS 5u

const char *refusal_text(enum xenvirt_refusal refusal)
{
    static const char *const texts[] = {
#define REFUSAL_TEXT(name, text) text,
        XENVIRT_REFUSALS(REFUSAL_TEXT)
#undef REFUSAL_TEXT
    };

    return refusal < XENVIRT_REFUSED_COUNT ? texts[refusal] : "?";
}

bool keys_path(char path[KEYS_PATH_BYTES], const struct keys_root *r, uint32_t domid, const char *below)
{
    int n = snprintf(path, KEYS_PATH_BYTES, "%s%u%s%s%s", r->before, domid, r->after, *below == '\0' ? "" : "/", below);

    return n >= 0 && (size_t)n < KEYS_PATH_BYTES;
}

const char *keys_below(const struct keys_root *r, const char *path, uint32_t *domid, bool *above)
{
    size_t before = strlen(r->before), after = strlen(r->after), rest;
    const char *p = path + before;

    *above = false;
    if (strncmp(path, r->before, before) != 0)
        return NULL;
    for (*domid = 0; *p >= '0' && *p <= '9' && p - path - before < DOMID_DIGITS; p++)
        *domid = *domid * 10 + (uint32_t)(*p - '0');
    if (p == path + before || (*p != '\0' && *p != '/'))
        return NULL;
    rest = strlen(p);
    if (strncmp(p, r->after, after) == 0 && (p[after] == '\0' || p[after] == '/'))
        return p[after] == '\0' ? p + after : p + after + 1;
    *above = rest < after && strncmp(p, r->after, rest) == 0 && r->after[rest] == '/';
    return *above ? p : NULL;
}
