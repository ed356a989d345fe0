/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "map.h"

static int region_map(struct map *m, const struct region_table *t, const struct region *r)
{
    struct map_region *to = &m->regions[m->n];
    // The library takes the references by a pointer that is not const, but only reads them.
    uint32_t *refs = (uint32_t *)(uintptr_t)(region_refs(t) + r->first_ref);

    to->gva = r->gva;
    to->bytes = (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES;
    to->host = xengnttab_map_domain_grant_refs(m->gnt, r->n_pages, t->domid, refs, PROT_READ | PROT_WRITE);
    if (to->host == NULL)
        return errno != 0 ? -errno : -EINVAL;
    m->n++;
    return 0;
}

int map_open(struct map *m, xengnttab_handle *gnt, const struct region_table *t, uint32_t *bad)
{
    int ret = 0;

    *m = (struct map){ .gnt = gnt };
    for (uint32_t i = 0; i < t->n_regions && ret == 0; i++) {
        errno = 0;
        ret = region_map(m, t, &region_first(t)[i]);
        *bad = i;
    }
    if (ret < 0)
        map_close(m);
    return ret;
}

void map_close(struct map *m)
{
    while (m->n > 0) {
        m->n--;
        xengnttab_unmap(m->gnt, m->regions[m->n].host, m->regions[m->n].bytes / XENVIRT_PAGE_BYTES);
    }
}
