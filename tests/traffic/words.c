// SPDX-License-Identifier: BSD-3-Clause
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *named(const struct words *w, const char *name, const char *fallback)
{
    size_t len = strlen(name);

    for (unsigned i = 1; i < w->n; i++) {
        if (strncmp(w->word[i], name, len) == 0 && w->word[i][len] == '=')
            return w->word[i] + len + 1;
    }
    return fallback;
}

uint64_t number(const struct words *w, const char *name, uint64_t fallback)
{
    const char *value = named(w, name, NULL);

    return value == NULL ? fallback : strtoull(value, NULL, 0);
}

int64_t position(const struct words *w, unsigned i, uint64_t limit)
{
    char *end;
    uint64_t v;

    if (i >= w->n)
        return -1;
    v = strtoull(w->word[i], &end, 0);
    return *end != '\0' || end == w->word[i] || v >= limit ? -1 : (int64_t)v;
}

bool mac_read(const char *text, uint8_t mac[6])
{
    return text != NULL &&
           sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

int done(int ret)
{
    if (ret == 0)
        puts("{\"ok\":true}");
    return ret;
}

int done_at(double away)
{
    printf("{\"ok\":true,\"at\":%.9f,\"away\":%.9f}\n", seconds(), away);
    return 0;
}

struct fe_dev *dev_of(struct guest *g, const struct words *w, unsigned i)
{
    int64_t n = position(w, i, FE_DEVS_MAX);

    return n < 0 ? NULL : fe_dev(g->fe, n);
}

struct port *port_of(struct guest *g, const struct words *w, unsigned i)
{
    return dev_of(g, w, i) == NULL ? NULL : &g->ports[position(w, i, FE_DEVS_MAX)];
}

int shape_read(const struct words *w, struct fe_shape *shape)
{
    static const char *const names[] = { "null", "own", "inline", "split" };
    const char *hdr = named(w, "hdr", "null");

    shape->segs = number(w, "segs", 1);
    shape->zeros = number(w, "zeros", 0);
    shape->queue = number(w, "queue", 0);
    shape->flags = number(w, "flags", 0);
    shape->offset = number(w, "offset", 0);
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(hdr, names[i]) == 0) {
            shape->hdr = i;
            return 0;
        }
    }
    return -EINVAL;
}
