/* SPDX-License-Identifier: BSD-3-Clause */
#include "spare.h"
#include "log.h"

#define SPARE_NS (200 * CLOCK_MS)

static bool slot_spare(const struct worker *w)
{
    return w->state != WORKER_FREE && w->domid == MSG_DOMID_ANY;
}

struct worker *spare_take(struct workers *ws, uint32_t domid)
{
    struct worker *w = NULL;

    for (uint32_t i = 0; i < ws->slots.n && w == NULL; i++)
        if (slot_spare(&ws->slots.of[i]) && worker_serves(ws, &ws->slots.of[i]))
            w = &ws->slots.of[i];
    if (w == NULL)
        return NULL;
    w->domid = domid;
    w->ready_ns = ws->loop->now;
    ws->spare_ns = ws->loop->now + SPARE_NS;
    LOG(INFO, "guest %u: spare worker %d takes over", domid, w->process.pid);
    return w;
}

void spares_step(struct workers *ws)
{
    uint32_t n = 0;

    if (ws->conf->worker_start != CONF_START_WATCHER || !ws->primary->up || ws->orphans.n > 0 ||
        ws->loop->now < ws->spare_ns)
        return;
    for (uint32_t i = 0; i < ws->slots.n; i++)
        n += slot_spare(&ws->slots.of[i]);
    if (n >= ws->conf->worker_spares)
        return;
    // A guest that needs a worker comes first, so the next is started a little later.
    ws->spare_ns = ws->loop->now + SPARE_NS;
    worker_spawn(ws, MSG_DOMID_ANY);
}

void spares_stop(struct workers *ws)
{
    for (uint32_t i = 0; i < ws->slots.n; i++)
        if (slot_spare(&ws->slots.of[i]))
            worker_stop(ws, &ws->slots.of[i], true);
}
