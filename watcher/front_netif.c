/* SPDX-License-Identifier: BSD-3-Clause */
// front_netif.c: front ends of netif.h. Its rings are mapped by the worker, none by the watcher; all that is said is said in
// XenStore, by the store's thread (netif_keys.c).
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "guest.h"
#include "mapper.h"
#include "netif_keys.h"
#include "store.h"

static uint32_t netif_page(const struct front_words *w)
{
    (void)w;
    return 0;
}

// There is nothing to be read: the rings' references are in the keys. A region has the rings of one direction.
static bool netif_map(struct mapper *m, struct map_job *j)
{
    uint32_t n = j->offer.words.netif.n_queues;
    struct {
        struct region_table t;
        struct region regions[2];
        uint32_t refs[2 * NETIF_QUEUES_MAX];
    } table = { .t = { REGION_MAGIC, REGION_VERSION, .domid = j->offer.domid, .n_regions = 2, .n_refs = 2 * n },
        .regions = {
            { .kind = REGION_RX_RING, .n_pages = n }, { .kind = REGION_TX_RING, .n_pages = n, .first_ref = n } } };

    (void)m;
    if (j->offer.refusal != XENVIRT_REFUSED_NONE)
        return true;
    j->table = malloc(sizeof(table));
    if (j->table == NULL) {
        mapper_refuse(j, XENVIRT_REFUSED_HOST, "rings", "no memory");
        return true;
    }
    for (uint32_t i = 0; i < 2 * n; i++)
        table.refs[i] = netif_offer(&j->offer)->refs[i / n][i % n];
    j->bytes = offsetof(typeof(table), refs) + 2 * n * sizeof(table.refs[0]);
    memcpy(j->table, &table, j->bytes);
    return true;
}

static void netif_forget(struct map_job *j)
{
    (void)j;
}

// One of an earlier watcher is served until its worker says something else.
static void netif_open(struct attachment *a, bool adopted)
{
    (void)a;
    (void)adopted;
}

static void netif_close(struct attachment *a)
{
    (void)a;
}

static void netif_tell(struct guests *gs, struct attachment *a, enum front_news news)
{
    static const enum keys_served how[] = {
        [FRONT_SEEN] = KEYS_TAKEN,
        [FRONT_ATTACHED] = KEYS_SERVED,
        [FRONT_DETACHED] = KEYS_FREE,
        [FRONT_REFUSED] = KEYS_FREE,
    };

    store_served(gs->store, a->guest->domid, FRONT_NETIF, a->device, how[news]);
}

// A stock front end takes no news of the link but by the back end's state.
static void netif_tell_link(struct guests *gs, struct attachment *a)
{
    (void)gs;
    (void)a;
}

static void netif_poll(struct guests *gs, struct attachment *a)
{
    (void)gs;
    (void)a;
}

static bool netif_wants(const struct attachment *a)
{
    (void)a;
    return true;
}

const struct front_ops front_netif = {
    .kind = FRONT_NETIF,
    .page = netif_page,
    .map = netif_map,
    .forget = netif_forget,
    .open = netif_open,
    .close = netif_close,
    .tell = netif_tell,
    .tell_link = netif_tell_link,
    .poll = netif_poll,
    .wants = netif_wants,
};
