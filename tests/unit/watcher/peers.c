/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "store.h"

struct map_job *peers_job;
union msg peers_sent;
unsigned peers_drops;
bool peers_worker;
bool peers_primary_gone;
unsigned peers_starts;
struct loop peers_loop;
struct primary_peer peers_primary;
static struct workers workers;
static struct worker worker;

void peers_join(struct guests *gs, const struct conf *conf)
{
    gs->loop = &peers_loop;
    gs->conf = peers_primary.conf = conf;
    gs->primary = &peers_primary;
    gs->workers = &workers;
    gs->state = aligned_alloc(STATE_PAGE, sizeof(*gs->state));
    memset(gs->state, 0, sizeof(*gs->state));
}

struct map_job *map_job_new(enum map_kind kind, uint64_t ticket)
{
    struct map_job *j = calloc(1, sizeof(*j));

    j->kind = kind;
    j->ticket = ticket;
    return j;
}

void map_job_free(struct map_job *j)
{
    free(j->table);
    free(j);
}

void mapper_give(struct mapper *m, struct map_job *j)
{
    (void)m;
    peers_job = j;
}

void mapper_drop(struct mapper *m, void *page)
{
    (void)m;
    peers_drops += page != NULL;
}

// No test maps a guest's pages.
void *mapper_map(struct mapper *m, struct map_job *j, const char *what, uint32_t *refs, uint32_t n, int prot)
{
    (void)m;
    (void)j;
    (void)what;
    (void)refs;
    (void)n;
    (void)prot;
    return NULL;
}

void mapper_unmap(struct mapper *m, void *p, uint32_t n)
{
    (void)m;
    (void)p;
    (void)n;
}

bool mapper_page(struct mapper *m, struct map_job *j)
{
    (void)m;
    (void)j;
    return false;
}

void mapper_refuse(struct map_job *j, enum xenvirt_refusal refusal, const char *what, const char *why)
{
    (void)what;
    (void)why;
    j->offer.refusal = refusal;
}

int link_send(struct link *l, union msg *m, enum msg_type type, uint32_t ack)
{
    (void)l;
    (void)ack;
    peers_sent = *m;
    peers_sent.hdr.type = type;
    return 0;
}

bool primary_gone(struct primary_peer *p)
{
    (void)p;
    return peers_primary_gone;
}

uint32_t primary_max_vifs(const struct primary_peer *p)
{
    return p->conf->max_vifs;
}

uint32_t primary_max_guests(const struct primary_peer *p)
{
    return p->conf->max_guests;
}

bool primary_link(const struct primary_peer *p, uint32_t port, uint32_t *speed)
{
    (void)p;
    (void)port;
    *speed = 1000;
    return true;
}

uint32_t primary_mtu(const struct primary_peer *p, uint32_t port)
{
    (void)p;
    (void)port;
    return 1500;
}

struct worker *worker_of(struct workers *ws, uint32_t domid)
{
    (void)ws;
    (void)domid;
    return peers_worker ? &worker : NULL;
}

bool worker_lives(struct workers *ws, uint32_t domid)
{
    return worker_of(ws, domid) != NULL;
}

bool worker_may_serve(struct workers *ws, uint32_t domid)
{
    return worker_of(ws, domid) != NULL;
}

bool worker_serves(const struct workers *ws, const struct worker *w)
{
    (void)ws;
    return w != NULL;
}

struct worker *spare_take(struct workers *ws, uint32_t domid)
{
    (void)ws;
    (void)domid;
    return NULL;
}

int worker_spawn(struct workers *ws, uint32_t domid)
{
    (void)ws;
    (void)domid;
    peers_starts++;
    peers_worker = worker.supervised = true;
    return 0;
}

void store_served(struct store *st, uint32_t domid, uint32_t kind, uint32_t device, enum keys_served served)
{
    (void)st;
    (void)domid;
    (void)kind;
    (void)device;
    (void)served;
}

int worker_hand_over(const struct workers *ws, const struct worker *w, const struct handover_what *what, int fd)
{
    (void)ws;
    (void)w;
    (void)what;
    (void)fd;
    return 0;
}

void worker_tell_context(struct worker *w, uint32_t ctx)
{
    w->ctx = (int32_t)ctx;
}

void worker_stop(struct workers *ws, struct worker *w, bool at_once)
{
    (void)ws;
    (void)w;
    (void)at_once;
    peers_worker = false;
}

void worker_kill(struct worker *w)
{
    (void)w;
    peers_worker = false;
}
