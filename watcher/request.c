/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "conductor.h"
#include "guest.h"
#include "log.h"
#include "mac.h"
#include "request.h"

static bool request_due(struct conductor *c, struct attachment *a)
{
    if (a->sent_ns != 0 && c->loop.now - a->sent_ns < RESEND_NS)
        return false;
    a->sent_ns = c->loop.now;
    if (a->asked_ns == 0)
        a->asked_ns = c->loop.now;
    return true;
}

void request_port(struct conductor *c, struct attachment *a, uint32_t up)
{
    union msg m = { .PORT_VIF = { .vif = (uint32_t)a->number,
                        .gen = a->gen,
                        .since = a->since,
                        .up = up,
                        .flags = a->flags,
                        .port = a->port,
                        .vlan = a->vlan,
                        .domid = a->guest->domid,
                        .pools = guest_pools(c, a->guest) } };

    memcpy(m.PORT_VIF.mac, mac_of(a), sizeof(a->mac));
    if (c->primary.up && request_due(c, a))
        link_send(&c->primary.link, &m, MSG_PORT_VIF, 0);
}

void request_attach(struct conductor *c, struct attachment *a, uint32_t up)
{
    struct worker *w = worker_of(&c->workers, a->guest->domid);
    union msg m = { .VIF_ATTACH = { .vif = (uint32_t)a->number,
                        .gen = a->gen,
                        .since = a->since,
                        .up = up,
                        .flags = a->flags,
                        .ring_size = a->ring_size,
                        .device = a->device,
                        .region_bytes = a->file.bytes,
                        .region_sum = a->file.sum } };

    memcpy(m.VIF_ATTACH.mac, a->mac, sizeof(a->mac));
    snprintf(m.VIF_ATTACH.region_file, sizeof(m.VIF_ATTACH.region_file), "%s", a->file.name);
    if (w == NULL || !worker_serves(&c->workers, w) || !request_due(c, a))
        return;
    link_send(&w->link, &m, MSG_VIF_ATTACH, 0);
    if (c->loop.now - a->asked_ns < c->conf->worker_start_ms * CLOCK_MS)
        return;
    LOG(ERR, "%s: worker %d has not answered for %u ms: killing it", attachment_label(a), w->process.pid,
        c->conf->worker_start_ms);
    a->asked_ns = 0;
    worker_kill(w);
}
