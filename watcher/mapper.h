/* SPDX-License-Identifier: BSD-3-Clause */
// mapper.h: everything that maps grants, in a thread of its own: a mapping can wait for its guest.
//
// The loop's thread gives jobs and takes them back done. They are done in turn, a list of pages of each, so that an offer
// with few isn't kept by those with many before it. What a job maps belongs to whoever holds the job. The functions are
// for the loop's thread, and none of them waits.
#ifndef XV_MAPPER_H
#define XV_MAPPER_H

#include <stddef.h>

#include "offer.h"
#include "region.h"

enum map_kind {
    MAP_OFFER, // map and read what the offer's kind wants, make the table of regions
    MAP_PAGE, // map the front end's page and keep it
    MAP_PROBE, // can the page still be mapped?
    MAP_DROP, // unmap page; nobody waits for the answer
};

struct map_job {
    struct map_job *next;
    enum map_kind kind;
    uint64_t ticket; // the conductor's
    struct offer offer; // MAP_PAGE and MAP_PROBE: domid and words of it
    uint32_t pages; // MAP_OFFER: that its guest may have mapped
    // The answer. offer.refusal says whether it went well.
    void *page; // front.h's, mapped read-write; give it back with mapper_drop(). NULL: its kind has none
    struct region_table *table; // vif and gen are 0
    size_t bytes;
    void *work; // of its kind: what it has read so far
};

struct mapper;

// Start the thread. Returns 0 or -errno; end with mapper_close(), after which nothing that it mapped may be touched. A
// thread that hangs is left to the end of the program.
int mapper_open(struct mapper **m);
void mapper_close(struct mapper *m);

// Readable when mapper_take() has something.
int mapper_fd(const struct mapper *m);

// A new job, or NULL without memory. map_job_free() frees it and its table, not the page.
struct map_job *map_job_new(enum map_kind kind, uint64_t ticket);
void map_job_free(struct map_job *j);

// Give a job, which the mapper owns until mapper_take() returns it done. That returns NULL if none is.
void mapper_give(struct mapper *m, struct map_job *j);
struct map_job *mapper_take(struct mapper *m);

// Unmap a front end's page, some time later. NULL is none.
void mapper_drop(struct mapper *m, void *page);

// For front_ops.map, on the mapper's thread. Map n pages of the job's guest, in one call: page by page takes quadratic
// time. Returns NULL with the job refused; what says which pages. Undo with mapper_unmap().
void *mapper_map(struct mapper *m, struct map_job *j, const char *what, uint32_t *refs, uint32_t n, int prot);
void mapper_unmap(struct mapper *m, void *p, uint32_t n);

// Map the page that the front end's kind keeps mapped, to j->page. Returns false if it has one that can't be mapped,
// with the job refused.
bool mapper_page(struct mapper *m, struct map_job *j);

// Refuse the job, with what and why in words. The first refusal stands.
void mapper_refuse(struct map_job *j, enum xenvirt_refusal refusal, const char *what, const char *why);

#endif
