/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "snapshot.h"

struct snapshot *snapshot_new(uint32_t domid, uint32_t connection)
{
    struct snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->domid = domid;
    s->connection = connection;
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++)
        if (s->keys[kind] != NULL)
            keys_of[kind]->free(s->keys[kind]);
    free(s);
}

char **snapshot_place(struct snapshot *s, uint32_t kind, uint32_t root, const char *path)
{
    if (s->keys[kind] == NULL)
        s->keys[kind] = keys_of[kind]->make();
    return s->keys[kind] == NULL ? NULL : keys_of[kind]->place(s->keys[kind], root, path);
}

int snapshot_set(char **place, const char *value, unsigned len)
{
    unsigned n = len > SNAPSHOT_TEXT_MAX ? SNAPSHOT_TEXT_MAX + 1 : len;
    char *text = malloc(n + 1);

    if (text == NULL)
        return -ENOMEM;
    // A NUL inside would hide what follows it: '?' is in no right value.
    for (unsigned i = 0; i < n; i++)
        text[i] = value[i] == '\0' ? '?' : value[i];
    text[n] = '\0';
    free(*place);
    *place = text;
    return 0;
}

enum keys_found snapshot_find(const struct snapshot *s, uint32_t kind, uint32_t device)
{
    return s->keys[kind] == NULL ? KEYS_ABSENT : keys_of[kind]->find(s->keys[kind], device);
}

void snapshot_judge(const struct snapshot *s, uint32_t kind, uint32_t device, struct offer *o)
{
    *o = (struct offer){ .domid = s->domid, .device = device, .words = { .kind = kind } };
    keys_of[kind]->judge(s->keys[kind], o);
}

static bool starts(const struct snapshot *s, uint32_t kind, uint32_t device)
{
    return snapshot_find(s, kind, device) == KEYS_STARTED;
}

bool snapshot_starts(const struct snapshot *s)
{
    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++)
        for (uint32_t i = 0; i < FRONT_DEVICES_MAX; i++)
            if (starts(s, kind, i))
                return true;
    return false;
}

static uint8_t touches_merge(uint8_t newer, uint8_t older, bool anew)
{
    unsigned sum = newer + older;

    if (anew && sum < 2)
        sum = 2;
    return sum > UINT8_MAX ? UINT8_MAX : (uint8_t)sum;
}

void snapshot_merge(struct snapshot *newer, struct snapshot *older)
{
    // Gone and there again under the same domid: what stands now was removed and written anew.
    bool anew = older->gone && snapshot_starts(newer);

    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++) {
        for (uint32_t i = 0; i < FRONT_DEVICES_MAX; i++) {
            // It was seen removed: the start that stands now is another one.
            bool another = anew || (!starts(older, kind, i) && starts(newer, kind, i));

            newer->touches[kind][i] = touches_merge(newer->touches[kind][i], older->touches[kind][i], another);
        }
    }
    newer->gone |= older->gone && !anew;
    snapshot_free(older);
}
