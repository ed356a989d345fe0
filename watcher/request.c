/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "log.h"
#include "loop.h"
#include "mac.h"
#include "primary.h"
#include "request.h"
#include "worker.h"

static bool request_due(struct guests *gs, struct attachment *a)
{
    if (a->sent_ns != 0 && gs->loop->now - a->sent_ns < REQUEST_AGAIN_NS)
        return false;
    a->sent_ns = gs->loop->now;
    if (a->asked_ns == 0)
        a->asked_ns = gs->loop->now;
    return true;
}

void request_port(struct guests *gs, struct attachment *a, uint32_t up)
{
    union msg m = { .PORT_VIF = { .vif = (uint32_t)a->number,
                        .gen = a->gen,
                        .since = a->since,
                        .ctx = guest_ctx(gs, a->guest),
                        .up = up,
                        .flags = a->flags,
                        .port = a->port,
                        .vlan = a->vlan,
                        .rules = a->rules,
                        .domid = a->guest->domid,
                        .pools = guest_pools(gs, a->guest) } };

    memcpy(m.PORT_VIF.mac, mac_of(a), sizeof(a->mac));
    if (gs->primary->up && request_due(gs, a))
        link_send(&gs->primary->link, &m, MSG_PORT_VIF, 0);
}

// The worker can't open it. Without it, it says nothing, and is asked again.
static void region_hand_over(struct guests *gs, const struct attachment *a, const struct worker *w)
{
    struct handover_what what = { .vif = (uint32_t)a->number, .gen = a->gen };
    int fd = region_file_open(&a->file, gs->conf->run_dir), ret = fd;

    if (fd >= 0) {
        ret = worker_hand_over(gs->workers, w, &what, fd);
        close(fd);
    }
    if (ret < 0)
        LOG(DEBUG, "%s: can't hand %s over: %s", attachment_label(a), a->file.name, strerror(-ret));
}

void request_attach(struct guests *gs, struct attachment *a, uint32_t up)
{
    struct worker *w = worker_of(gs->workers, a->guest->domid);
    union msg m = { .VIF_ATTACH = { .vif = (uint32_t)a->number,
                        .gen = a->gen,
                        .since = a->since,
                        .up = up,
                        .flags = a->flags,
                        .device = a->device,
                        .front = a->words,
                        .rules = a->rules,
                        .guard = a->guard,
                        .rates = a->rates,
                        .region_bytes = a->file.bytes,
                        .region_sum = a->file.sum } };

    memcpy(m.VIF_ATTACH.mac, a->mac, sizeof(a->mac));
    snprintf(m.VIF_ATTACH.region_file, sizeof(m.VIF_ATTACH.region_file), "%s", a->file.name);
    if (w == NULL || !worker_serves(gs->workers, w) || !request_due(gs, a))
        return;
    if (up == 1)
        region_hand_over(gs, a, w);
    link_send(&w->link, &m, MSG_VIF_ATTACH, 0);
    if (gs->loop->now - a->asked_ns < gs->conf->worker_start_ms * CLOCK_MS)
        return;
    LOG(ERR, "%s: worker %d has not answered for %u ms: killing it", attachment_label(a), w->process.pid,
        gs->conf->worker_start_ms);
    a->asked_ns = 0;
    worker_kill(w);
}
