/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "ring_netif.h"
#include "ring_virtio.h"

// What each kind of front end is served with.
static const struct serve {
    const struct ring_ops *rings;
    const struct mem_ops *mem;
} serves[FRONT_KINDS_MAX] = {
    [FRONT_XENVIRT] = { &ring_virtio, &mem_regions },
    [FRONT_NETIF] = { &ring_netif, &mem_grants },
};

static const struct serve *serve_of(uint32_t kind)
{
    return kind < FRONT_KINDS_MAX && serves[kind].rings != NULL ? &serves[kind] : NULL;
}

static void region_name(char *name, size_t n, const struct region *r)
{
    if (r->kind == REGION_MEMPOOL)
        snprintf(name, n, "mempool %u", r->number);
    else
        snprintf(name, n, "%s ring", r->kind == REGION_RX_RING ? "receive" : "transmit");
}

static int rings_fit(const struct serve *s, const struct front_words *w, const struct region_table *t)
{
    for (uint32_t ring = REGION_RX_RING; ring <= REGION_TX_RING; ring++)
        if (region_first(t)[ring].n_pages != s->rings->pages(w))
            return -EBADMSG;
    return 0;
}

// Xen keeps an entry of 16 bytes for each page that a domain maps.
#define MAPTRACK_PER_FRAME (XENVIRT_PAGE_BYTES / 16)

// Map what the table says. On failure text says what could not be mapped.
static int memory_map(const struct serve *s, struct mem *mem, const struct region_table *t, const struct front_words *w,
    struct mem_maps *maps, char *text, size_t n)
{
    struct mem_fault fault;
    int ret = s->mem->open(mem, maps, t, w, &fault);
    const struct region *r;
    char name[24];

    if (ret == 0)
        return 0;
    if (fault.region == MEM_EVENTS) {
        snprintf(text, n, "can't bind its event channels: %s%s", strerror(-ret),
            ret == -ENODEV ? " (/dev/xen/evtchn: modprobe xen_evtchn)" : "");
        return ret;
    }
    r = &region_first(t)[fault.region];
    region_name(name, sizeof(name), r);
    if (fault.page != MEM_PAGE_NONE)
        snprintf(text, n, "can't map reference %u, page %u of %u of its %s: %s",
            region_refs(t)[r->first_ref + fault.page], fault.page, r->n_pages, name, strerror(-ret));
    else if (ret == -ENOSPC)
        snprintf(text, n, "can't map its %s at once: needs %u more maptrack frames, or a gntdev limit of %u pages",
            name, (fault.pages + MAPTRACK_PER_FRAME - 1) / MAPTRACK_PER_FRAME, r->n_pages);
    else
        snprintf(text, n, "can't map the %u pages of its %s: %s", r->n_pages, name, strerror(-ret));
    return ret;
}

int attach_open(struct vif **out, const struct msg_vif_attach *m, const struct region_table *t, struct mem_maps *maps,
    struct fabric *f, struct state_vif *state, char *text, size_t n)
{
    const struct serve *s = serve_of(m->front.kind);
    struct vif_attach a = { .number = m->vif,
        .gen = m->gen,
        .since = m->since,
        .device = m->device,
        .flags = m->flags,
        .front = m->front,
        .rules = m->rules,
        .guard = m->guard,
        .rates = m->rates };
    struct vif *v;
    int ret;

    if (s == NULL) {
        snprintf(text, n, "no worker serves front ends of kind %u", m->front.kind);
        return -EPROTONOSUPPORT;
    }
    if (rings_fit(s, &m->front, t) < 0) {
        snprintf(text, n, "%s has rings of another size", m->region_file);
        return -EBADMSG;
    }
    v = aligned_alloc(alignof(struct vif), sizeof(*v));
    ret = v != NULL ? memory_map(s, &v->mem, t, &m->front, maps, text, n) : -ENOMEM;
    if (ret < 0) {
        free(v);
        return ret;
    }
    a.rings = s->rings;
    memcpy(a.mac, m->mac, sizeof(a.mac));
    vif_init(v, &a, f, state);
    *out = v;
    return 0;
}

void attach_close(struct vif *v)
{
    v->mem.ops->close(&v->mem);
    free(v);
}
