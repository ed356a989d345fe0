/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "mapper.h"
#include "slot_front.h"

uint32_t slot_told[FRONT_DEVICES_MAX];

// ---- what it publishes

enum { MAC, STATE, RX, TX, PORT, TEXTS };

struct slot_texts {
    struct front_keys front;
    char *of[FRONT_DEVICES_MAX][TEXTS];
};

static const struct {
    enum slot_root root;
    const char *name;
} names[TEXTS] = {
    [MAC] = { SLOT_BACK, "mac" },
    [STATE] = { SLOT_FRONT, "state" },
    [RX] = { SLOT_FRONT, "rx-ring-ref" },
    [TX] = { SLOT_FRONT, "tx-ring-ref" },
    [PORT] = { SLOT_FRONT, "event-channel" },
};

// Returns what follows the device's number in "N/name", or NULL.
static const char *device_of(const char *path, uint32_t *device)
{
    char *end;

    *device = (uint32_t)strtoul(path, &end, 10);
    return end != path && *device < FRONT_DEVICES_MAX ? end : NULL;
}

static int touched(uint32_t root, const char *path)
{
    uint32_t device;
    const char *rest = device_of(path, &device);

    return root == SLOT_FRONT && rest != NULL && strcmp(rest, "/state") == 0 ? (int)device : KEYS_NO_DEVICE;
}

static bool dir(uint32_t root, const char *path)
{
    uint32_t device;
    const char *rest = device_of(path, &device);

    (void)root;
    return rest != NULL && *rest == '\0';
}

static char **place(struct front_keys *k, uint32_t root, const char *path)
{
    struct slot_texts *texts = (struct slot_texts *)k;
    uint32_t device;
    const char *rest = device_of(path, &device);

    for (unsigned i = 0; rest != NULL && *rest == '/' && i < TEXTS; i++)
        if (names[i].root == root && strcmp(rest + 1, names[i].name) == 0)
            return &texts->of[device][i];
    return NULL;
}

static struct front_keys *make(void)
{
    struct slot_texts *texts = calloc(1, sizeof(*texts));

    return &texts->front;
}

static void texts_free(struct front_keys *k)
{
    struct slot_texts *texts = (struct slot_texts *)k;

    for (unsigned i = 0; i < FRONT_DEVICES_MAX; i++)
        for (unsigned n = 0; n < TEXTS; n++)
            free(texts->of[i][n]);
    free(texts);
}

static enum keys_found find(const struct front_keys *k, uint32_t device)
{
    char *const *texts = ((const struct slot_texts *)k)->of[device];

    if (texts[MAC] == NULL)
        return KEYS_ABSENT;
    return texts[STATE] != NULL && strcmp(texts[STATE], "4") == 0 ? KEYS_STARTED : KEYS_LEFT;
}

static void judge(const struct front_keys *k, struct offer *o)
{
    char *const *texts = ((const struct slot_texts *)k)->of[o->device];
    enum xenvirt_refusal refusals[] = { contract_mac(texts[MAC], o->mac),
        contract_ref(texts[RX], &o->words.raw[SLOT_RX_REF]), contract_ref(texts[TX], &o->words.raw[SLOT_TX_REF]),
        contract_ref(texts[PORT], &o->words.raw[SLOT_PORT]) };

    for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]) && o->refusal == XENVIRT_REFUSED_NONE; i++)
        o->refusal = refusals[i];
    for (unsigned i = MAC; i < TEXTS; i++)
        for (const char *p = texts[i]; i != STATE && p != NULL && *p != '\0'; p++)
            o->sum = o->sum * 31 + (uint8_t)*p;
    o->whole_sum = o->sum;
}

const struct keys_ops slot_keys = {
    .name = "slots",
    .roots = { [SLOT_BACK] = { "backend/vif/", "" }, [SLOT_FRONT] = { "/local/domain/", "/device/vif" } },
    .watch = "backend/vif",
    .guests = "backend/vif",
    .guests_by = "the toolstack",
    .touched = touched,
    .dir = dir,
    .place = place,
    .make = make,
    .free = texts_free,
    .find = find,
    .judge = judge,
};

// ---- its attachment

static uint32_t page(const struct front_words *w)
{
    (void)w;
    return 0;
}

// Two regions of a page each, and nothing to be read.
static bool map(struct mapper *m, struct map_job *j)
{
    struct {
        struct region_table t;
        struct region regions[2];
        uint32_t refs[2];
    } table = { .t = { REGION_MAGIC, REGION_VERSION, .domid = j->offer.domid, .n_regions = 2, .n_refs = 2 },
        .regions = { { .kind = REGION_RX_RING, .n_pages = 1 },
            { .kind = REGION_TX_RING, .n_pages = 1, .first_ref = 1 } },
        .refs = { j->offer.words.raw[SLOT_RX_REF], j->offer.words.raw[SLOT_TX_REF] } };

    (void)m;
    if (j->offer.refusal != XENVIRT_REFUSED_NONE)
        return true;
    j->bytes = sizeof(table);
    j->table = malloc(j->bytes);
    memcpy(j->table, &table, j->bytes);
    return true;
}

static void open_it(struct attachment *a, bool adopted)
{
    (void)a;
    (void)adopted;
}

static void close_it(struct attachment *a)
{
    (void)a;
}

static void tell(struct guests *gs, struct attachment *a, enum front_news news)
{
    static const uint32_t states[] = {
        [FRONT_ATTACHED] = SLOT_TOLD_CONNECTED, [FRONT_DETACHED] = SLOT_TOLD_CLOSED, [FRONT_REFUSED] = SLOT_TOLD_CLOSING
    };

    (void)gs;
    if (news != FRONT_SEEN)
        slot_told[a->device] = states[news];
}

static void tell_link(struct guests *gs, struct attachment *a)
{
    (void)gs;
    (void)a;
}

// All that it says comes by XenStore.
static void poll_it(struct guests *gs, struct attachment *a)
{
    (void)gs;
    (void)a;
}

static bool wants(const struct attachment *a)
{
    (void)a;
    return true;
}

const struct front_ops slot_front = {
    .kind = FRONT_SLOTS,
    .page = page,
    .map = map,
    .open = open_it,
    .close = close_it,
    .tell = tell,
    .tell_link = tell_link,
    .poll = poll_it,
    .wants = wants,
};
