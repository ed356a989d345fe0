/* SPDX-License-Identifier: BSD-3-Clause */
#include "grant_copy.h"

#include <xen/xen.h>

static xengnttab_grant_copy_segment_t *segment_new(struct grant_copies *c, uint32_t frame, uint16_t len, uint16_t flags)
{
    xengnttab_grant_copy_segment_t *s = &c->seg[c->n];

    *s = (xengnttab_grant_copy_segment_t){ .len = len, .flags = flags, .status = GNTST_general_error };
    c->frame[c->n++] = (uint8_t)frame;
    return s;
}

void grant_copy_out(struct grant_copies *c, const struct mem *mem, uint32_t frame, uint32_t gref, uint16_t offset,
    uint16_t len, uint8_t *to)
{
    xengnttab_grant_copy_segment_t *s = segment_new(c, frame, len, GNTCOPY_source_gref);

    s->source.foreign.ref = gref;
    s->source.foreign.offset = offset;
    s->source.foreign.domid = (domid_t)mem->domid;
    s->dest.virt = to;
}

void grant_copy_in(
    struct grant_copies *c, const struct mem *mem, uint32_t frame, uint32_t gref, uint16_t len, uint8_t *from)
{
    xengnttab_grant_copy_segment_t *s = segment_new(c, frame, len, GNTCOPY_dest_gref);

    s->dest.foreign.ref = gref;
    s->dest.foreign.domid = (domid_t)mem->domid;
    s->source.virt = from;
}

void grant_copies_do(struct grant_copies *c, const struct mem *mem, struct ring_frame *f)
{
    int ret = c->n > 0 ? xengnttab_grant_copy(mem->maps->gnt, c->n, c->seg) : 0;

    for (uint32_t i = 0; i < c->n; i++) {
        if (ret < 0 || c->seg[i].status != GNTST_okay)
            f[c->frame[i]].verdict = RING_GRANT;
    }
}
