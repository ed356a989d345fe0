/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "mem.h"

#define BIND_TRIES 100u // a millisecond apart

// A predecessor's end of the channel may be a moment younger than its lock: Xen says EINVAL as long as it is bound.
static int port_bind(const struct mem *m, evtchn_port_t remote, evtchn_port_t *port)
{
    int ret = -1;

    for (uint32_t i = 0; i < BIND_TRIES && ret < 0; i++) {
        if (i > 0)
            usleep(1000);
        ret = xenevtchn_bind_interdomain(m->maps->evt, m->domid, remote);
        if (ret < 0 && errno != EINVAL)
            break;
    }
    if (ret < 0)
        return -errno;
    *port = (evtchn_port_t)ret;
    return 0;
}

// The two rings of a queue may have one channel, which is bound once.
static bool port_shared(const uint32_t *ports, uint32_t i)
{
    return i % 2 == 1 && ports[i] == ports[i - 1];
}

static void ports_unbind(struct mem *m)
{
    for (uint32_t i = 0; i < m->n_ports; i++)
        if (!port_shared(m->ports, i))
            xenevtchn_unbind(m->maps->evt, m->ports[i]);
    m->n_ports = 0;
}

static int ports_bind(struct mem *m, const struct netif_words *w)
{
    int ret = m->maps->evt == NULL ? -ENODEV : 0;

    for (uint32_t i = 0; i < 2 * w->n_queues && ret == 0; i++) {
        if (port_shared(w->ports, i))
            m->ports[i] = m->ports[i - 1];
        else
            ret = port_bind(m, w->ports[i], &m->ports[i]);
        if (ret == 0)
            m->n_ports++;
    }
    if (ret < 0)
        ports_unbind(m);
    return ret;
}

static int grants_open(struct mem *m, struct mem_maps *maps, const struct region_table *t, const struct front_words *w,
    struct mem_fault *fault)
{
    int ret = mem_regions.open(m, maps, t, w, fault);

    if (ret < 0)
        return ret;
    ret = ports_bind(m, &w->netif);
    if (ret < 0) {
        *fault = (struct mem_fault){ .region = MEM_EVENTS };
        mem_regions.close(m);
    }
    m->ops = &mem_grants;
    return ret;
}

static void grants_close(struct mem *m)
{
    ports_unbind(m);
    mem_regions.close(m);
}

const struct mem_ops mem_grants = { .open = grants_open, .close = grants_close };
