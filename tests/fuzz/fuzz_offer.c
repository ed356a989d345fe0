/* SPDX-License-Identifier: BSD-3-Clause */
// What a guest publishes: its keys, and the pages that list its pages. What the watcher accepts of it is a region table
// that a worker accepts, and what it says of a device of netif is an end of its dance with the front end.
#include "contract.h"
#include "input.h"
#include "netif_keys.h"
#include "reflist.h"
#include "region.h"
#include "snapshot.h"
#include "xenbus.h"

// A key and its value: one of the contract's names more often than not.
static void key(struct input *in, struct snapshot *s)
{
    static const char *const names[] = { "%u_mempool_gref", "%u_mempool_va", "%u_rx_vring_gref", "%u_tx_vring_gref",
        "%u_ether_addr", "%u_vring_flag", "%u_vring_size", "%u_mempools", "event_type_start_%u" };
    uint8_t which = input_u8(in), number = input_u8(in), n = input_u8(in);
    char name[64] = "", value[256], **place;

    if (which % 16 < sizeof(names) / sizeof(names[0])) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof(name), names[which % 16], number % 3 == 0 ? 0u : number);
#pragma GCC diagnostic pop
    } else {
        input_bytes(in, name, which % sizeof(name));
    }
    input_bytes(in, value, n);
    xenvirt_keys_dir(0, name);
    xenvirt_keys_touched(0, name);
    place = snapshot_place(s, FRONT_XENVIRT, 0, name);
    if (place != NULL)
        MUST(snapshot_set(place, value, n) == 0);
}

// The same for a device of netif, of both directories.
static void netif_key(struct input *in, struct snapshot *s)
{
    static const char *const names[] = { "mac", "online", "state", "tx-ring-ref", "rx-ring-ref", "event-channel",
        "event-channel-tx", "event-channel-rx", "request-rx-copy", "multi-queue-num-queues",
        "request-multicast-control" };
    static const char *const good[] = { "1", "2", "4", "6", "00:16:3e:00:00:01", "12", "4294967295" };
    uint8_t which = input_u8(in), number = input_u8(in), what = input_u8(in), n = what % 48;
    uint32_t root = which & 0x80 ? NETIF_BACK : NETIF_FRONT;
    char path[64] = "", value[48], **place;

    if (which % 16 < sizeof(names) / sizeof(names[0])) {
        snprintf(path, sizeof(path), "%u/", number & 0x80 ? 0u : number % 8);
        if ((number & 0x70) == 0x70)
            snprintf(path + strlen(path), sizeof(path) - strlen(path), "queue-%u/", number & 3u);
        strcat(path, names[which % 16]);
    } else {
        input_bytes(in, path, which % sizeof(path));
    }
    if (what & 0x80) {
        strcpy(value, good[what % (sizeof(good) / sizeof(good[0]))]);
        n = (uint8_t)strlen(value);
    } else {
        input_bytes(in, value, n);
    }
    keys_of[FRONT_NETIF]->dir(root, path);
    keys_of[FRONT_NETIF]->touched(root, path);
    place = snapshot_place(s, FRONT_NETIF, root, path);
    if (place != NULL)
        MUST(snapshot_set(place, value, n) == 0);
}

static void page(struct input *in, struct xenvirt_pair pairs[XENVIRT_PAIRS_PER_PAGE], uint32_t fresh)
{
    uint8_t how = input_u8(in);

    memset(pairs, 0, XENVIRT_PAGE_BYTES);
    if (how & 0x80) { // a run of references, to have many
        for (uint32_t i = 0; i < (how & 0x40 ? XENVIRT_PAIRS_PER_PAGE : how & 0x3fu); i++)
            pairs[i].gref = fresh + i;
    } else {
        input_bytes(in, pairs, how & 0x7fu);
    }
}

// Walk the lists of an offer as the mapper does. Returns 0 or -1: refused.
static int lists(struct input *in, struct reflist *l, const struct offer *o)
{
    struct xenvirt_pair pairs[XENVIRT_PAIRS_PER_PAGE];
    uint32_t fresh = 1;

    for (uint32_t i = 0; i < xenvirt_offer_const(o)->n_pools + 2; i++) {
        const struct ref_list *names = reflist_region(l, o);
        int more = 1;

        for (uint32_t k = 0; k < names->n && more > 0; k++, fresh += XENVIRT_PAIRS_PER_PAGE) {
            page(in, pairs, fresh);
            more = reflist_page(l, pairs);
        }
        if (more < 0)
            return -1;
    }
    return 0;
}

// No reference is 0, and none comes twice: the table's own check doesn't look at that.
static void references(const struct region_table *t)
{
    const uint32_t *refs = region_refs(t);
    uint32_t n = t->n_refs < 256 ? t->n_refs : 256;

    for (uint32_t i = 0; i < n; i++) {
        MUST(refs[i] != 0);
        for (uint32_t j = 0; j < i; j++)
            MUST(refs[j] != refs[i]);
    }
}

static void device(struct input *in, const struct snapshot *s, uint32_t number)
{
    struct offer *o = malloc(sizeof(*o));
    struct region_table *t = NULL;
    struct reflist l;
    size_t bytes;

    snapshot_judge(s, FRONT_XENVIRT, number, o);
    if (o->refusal != XENVIRT_REFUSED_NONE) {
        MUST(memchr(o->why, '\0', sizeof(o->why)) != NULL && refusal_text(o->refusal) != NULL);
        free(o);
        return;
    }
    MUST(xenvirt_offer_const(o)->n_pools <= XENVIRT_MEMPOOLS_MAX && o->words.xenvirt.flag_gref != 0);
    reflist_init(&l, UINT32_MAX);
    if (lists(in, &l, o) == 0)
        t = reflist_table(&l, o, &bytes);
    MUST((t == NULL) == (l.refusal != XENVIRT_REFUSED_NONE));
    MUST(t == NULL || region_table_check(t, bytes) == 0);
    if (t != NULL)
        references(t);
    free(t);
    reflist_fini(&l);
    free(o);
}

// What is said of a device: in its directory, and the end of it when the switch has let go.
static void netif_says(const struct snapshot *s, uint32_t number, enum keys_served served)
{
    struct keys_write w[KEYS_WRITES_MAX + 1];
    char dir[16];
    uint32_t n;

    memset(w, 0xa5, sizeof(w));
    n = s->keys[FRONT_NETIF] == NULL ? 0 : keys_of[FRONT_NETIF]->say(s->keys[FRONT_NETIF], number, served, w);
    MUST(n <= KEYS_WRITES_MAX);
    snprintf(dir, sizeof(dir), "%u/", number);
    for (uint32_t i = 0; i < n; i++) {
        MUST(memchr(w[i].below, '\0', sizeof(w[i].below)) != NULL);
        MUST(w[i].value != NULL ? strncmp(w[i].below, dir, strlen(dir)) == 0 : i + 1 == n && served == KEYS_FREE);
    }
}

static void netif_device(const struct snapshot *s, uint32_t number)
{
    struct offer *o = malloc(sizeof(*o));

    for (enum keys_served served = KEYS_FREE; served <= KEYS_SERVED; served++)
        netif_says(s, number, served);
    if (snapshot_find(s, FRONT_NETIF, number) == KEYS_STARTED) {
        snapshot_judge(s, FRONT_NETIF, number, o);
        if (o->refusal == XENVIRT_REFUSED_NONE)
            MUST(netif_words_ok(&o->words.netif) && netif_offer(o)->refs[0] != netif_offer(o)->refs[1]);
        else
            MUST(memchr(o->why, '\0', sizeof(o->why)) != NULL && refusal_text(o->refusal) != NULL);
    }
    free(o);
}

// While nobody else does anything, the back end comes to rest; it is open only with rings that are served, and closed
// only when nothing of the guest is touched.
static void dance(struct input *in)
{
    uint8_t how = input_u8(in), front = input_u8(in);
    struct xenbus_view v = { .back = (enum xenbus_state)(how % 9),
        .front = (enum xenbus_state)(front % 9),
        .online = how & 0x20,
        .served = how & 0x40,
        .ready = (how & 0xc0) == 0xc0 };
    struct xenbus_step step = { XenbusStateUnknown, false };

    for (int turn = 0; turn < 4; turn++) {
        step = xenbus_next(&v);
        MUST(!v.served || (step.state != XenbusStateClosed && !step.remove));
        MUST(v.ready || step.state != XenbusStateConnected);
        if (step.state != XenbusStateUnknown)
            v.back = step.state;
    }
    MUST(step.state == XenbusStateUnknown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = { data, n };
    struct snapshot *s = snapshot_new(7, 1), *newer = snapshot_new(7, 1);

    for (uint32_t keys = input_below(&in, 32); keys > 0 && input_more(&in); keys--)
        key(&in, s);
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) {
        if (snapshot_find(s, FRONT_XENVIRT, i) == KEYS_STARTED)
            device(&in, s, i);
    }
    dance(&in);
    for (uint32_t keys = input_below(&in, 32); keys > 0 && input_more(&in); keys--)
        netif_key(&in, s);
    for (uint32_t i = 0; i < FRONT_DEVICES_MAX; i++)
        netif_device(s, i);
    snapshot_starts(s);
    key(&in, newer);
    netif_key(&in, newer);
    snapshot_merge(newer, s);
    snapshot_free(newer);
    return 0;
}
