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

static void ports_unbind(struct mem *m)
{
    for (uint32_t i = 0; i < 2; i++)
        if (m->ports[i] != 0 && (i == 0 || m->ports[i] != m->ports[0]))
            xenevtchn_unbind(m->maps->evt, m->ports[i]);
    m->ports[0] = m->ports[1] = 0;
}

static int ports_bind(struct mem *m, const uint32_t ports[2])
{
    int ret = m->maps->evt == NULL ? -ENODEV : port_bind(m, ports[0], &m->ports[0]);

    if (ret == 0 && ports[1] == ports[0])
        m->ports[1] = m->ports[0];
    else if (ret == 0)
        ret = port_bind(m, ports[1], &m->ports[1]);
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
    ret = ports_bind(m, w->netif.ports);
    if (ret < 0)
        mem_regions.close(m);
    m->ops = &mem_grants;
    return ret;
}

static void grants_close(struct mem *m)
{
    ports_unbind(m);
    mem_regions.close(m);
}

const struct mem_ops mem_grants = { .open = grants_open, .close = grants_close };
