/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "conductor.h"
#include "guest.h"
#include "log.h"
#include "mac.h"
#include "request.h"

static bool request_due(struct conductor *c, struct attachment *v)
{
    if (v->sent_ns != 0 && c->now - v->sent_ns < RESEND_NS)
        return false;
    v->sent_ns = c->now;
    if (v->asked_ns == 0)
        v->asked_ns = c->now;
    return true;
}

void request_port(struct conductor *c, struct attachment *v, uint32_t up)
{
    union msg m = { .PORT_VIF = { .vif = (uint32_t)v->number,
                        .gen = v->gen,
                        .since = v->since,
                        .up = up,
                        .flags = v->flags,
                        .port = v->port,
                        .vlan = v->vlan,
                        .domid = v->guest->domid,
                        .pools = guest_pools(c, v->guest) } };

    memcpy(m.PORT_VIF.mac, mac_of(v), sizeof(v->mac));
    if (c->primary.up && request_due(c, v))
        link_send(&c->primary.link, &m, MSG_PORT_VIF, 0);
}

void request_attach(struct conductor *c, struct attachment *v, uint32_t up)
{
    struct worker *w = worker_of(c, v->guest->domid);
    union msg m = { .VIF_ATTACH = { .vif = (uint32_t)v->number,
                        .gen = v->gen,
                        .since = v->since,
                        .up = up,
                        .flags = v->flags,
                        .ring_size = v->ring_size,
                        .device = v->device,
                        .region_bytes = v->file.bytes,
                        .region_sum = v->file.sum } };

    memcpy(m.VIF_ATTACH.mac, v->mac, sizeof(v->mac));
    snprintf(m.VIF_ATTACH.region_file, sizeof(m.VIF_ATTACH.region_file), "%s", v->file.name);
    if (w == NULL || !worker_serves(c, w) || !request_due(c, v))
        return;
    link_send(&w->link, &m, MSG_VIF_ATTACH, 0);
    if (c->now - v->asked_ns < c->conf->worker_start_ms * CLOCK_MS)
        return;
    LOG(ERR, "%s: worker %d has not answered for %u ms: killing it", attachment_label(v), w->process.pid,
        c->conf->worker_start_ms);
    v->asked_ns = 0;
    worker_kill(w);
}
