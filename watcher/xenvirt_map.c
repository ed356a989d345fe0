/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "contract.h"
#include "flag.h"
#include "reflist.h"
#include "xenvirt_map.h"

uint32_t xenvirt_page(const struct front_words *w)
{
    return w->xenvirt.flag_gref;
}

// Walk the pages of one region's list. Each is copied once; the guest can change what it likes meanwhile.
static int region_walk(struct mapper *m, struct map_job *j, struct reflist *l)
{
    struct ref_list names = *reflist_region(l, &j->offer);
    struct xenvirt_pair copy[XENVIRT_PAIRS_PER_PAGE];
    char *pages = mapper_map(m, j, "list of pages", names.refs, names.n, PROT_READ);
    int more = 1;

    if (pages == NULL)
        return -1;
    for (uint32_t i = 0; i < names.n && more > 0; i++) {
        memcpy(copy, pages + (size_t)i * XENVIRT_PAGE_BYTES, sizeof(copy));
        atomic_signal_fence(memory_order_seq_cst); // the copy is made, not folded into the walk
        more = reflist_page(l, copy);
    }
    mapper_unmap(m, pages, names.n);
    return more < 0 ? -1 : 0;
}

// Read the next of an offer's lists, or make the table when all are read. Returns true if that was the last step.
static bool list_step(struct mapper *m, struct map_job *j)
{
    struct reflist *l = j->work;

    if (l->n_regions < xenvirt_offer(&j->offer)->n_pools + 2 && region_walk(m, j, l) == 0)
        return false;
    if (l->refusal == XENVIRT_REFUSED_NONE && j->offer.refusal == XENVIRT_REFUSED_NONE)
        j->table = reflist_table(l, &j->offer, &j->bytes);
    if (l->refusal != XENVIRT_REFUSED_NONE) {
        j->offer.refusal = l->refusal;
        memcpy(j->offer.why, l->why, sizeof(j->offer.why));
    }
    return true;
}

// The flag page comes first. Returns true if that was all.
static bool offer_begin(struct mapper *m, struct map_job *j)
{
    // What the keys are refused for comes first, and is told on the page all the same.
    if (!mapper_page(m, j) || j->offer.refusal != XENVIRT_REFUSED_NONE)
        return true;
    if (!flag_read(j->page).up) {
        mapper_refuse(j, XENVIRT_REFUSED_FLAG_DOWN, "flag page", refusal_text(XENVIRT_REFUSED_FLAG_DOWN));
        return true;
    }
    j->work = malloc(sizeof(struct reflist));
    if (j->work == NULL) {
        mapper_refuse(j, XENVIRT_REFUSED_HOST, "list of pages", strerror(ENOMEM));
        return true;
    }
    reflist_init(j->work, j->pages);
    return false;
}

bool xenvirt_map(struct mapper *m, struct map_job *j)
{
    return j->work == NULL ? offer_begin(m, j) : list_step(m, j);
}

void xenvirt_forget(struct map_job *j)
{
    reflist_fini(j->work);
    free(j->work);
    j->work = NULL;
}
