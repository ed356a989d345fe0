/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xengnttab.h>

#include "flag.h"
#include "log.h"
#include "mapper.h"
#include "reflist.h"
#include "xendev.h"

#define AGAIN_MAX 20u
#define AGAIN_US 10000u

struct queue {
    struct map_job *first;
    struct map_job **last;
};

struct mapper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct queue jobs;
    struct queue done;
    int fd; // eventfd, readable while done has something
    bool stop;
    xengnttab_handle *grants; // opened when first needed
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_put(struct queue *q, struct map_job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
}

static struct map_job *queue_take(struct queue *q)
{
    struct map_job *j = q->first;

    if (j == NULL)
        return NULL;
    q->first = j->next;
    if (q->first == NULL)
        q->last = &q->first;
    return j;
}

static void job_refuse(struct map_job *j, enum xenvirt_refusal refusal, const char *what, const char *why)
{
    j->offer.refusal = refusal;
    snprintf(j->offer.why, sizeof(j->offer.why), "%s: %s", what, why);
}

static bool mapper_ready(struct mapper *m, struct map_job *j)
{
    char why[XENDEV_TEXT_BYTES];

    if (m->grants == NULL)
        m->grants = xengnttab_open(NULL, 0);
    if (m->grants != NULL)
        return true;
    job_refuse(j, XENVIRT_REFUSED_HOST, "can't open the grant device", xendev_why("", "gntdev", errno, why));
    return false;
}

// Map n pages of the job's guest, in one call: page by page takes quadratic time. NULL: the job is refused.
static void *mapper_map(struct mapper *m, struct map_job *j, const char *what, uint32_t *refs, uint32_t n, int prot)
{
    void *p = NULL;
    int error = EAGAIN;

    // A guest's page may be paged out for a moment.
    for (unsigned i = 0; i < AGAIN_MAX && p == NULL && error == EAGAIN; i++) {
        if (i > 0)
            usleep(AGAIN_US);
        errno = 0;
        p = xengnttab_map_domain_grant_refs(m->grants, n, j->offer.domid, refs, prot);
        error = errno;
    }
    if (p != NULL)
        return p;
    if (error == ENOMEM || error == ENOSPC || error == EMFILE)
        job_refuse(j, XENVIRT_REFUSED_HOST, what, strerror(error));
    else
        job_refuse(j, XENVIRT_REFUSED_REF_UNKNOWN, what, refusal_text(XENVIRT_REFUSED_REF_UNKNOWN));
    return NULL;
}

static void flag_map(struct mapper *m, struct map_job *j)
{
    j->flag = mapper_map(m, j, "flag page", &j->offer.flag_ref, 1, PROT_READ | PROT_WRITE);
}

static void flag_unmap(struct mapper *m, struct xenvirt_flag_page *flag)
{
    if (flag != NULL && xengnttab_unmap(m->grants, flag, 1) < 0)
        LOG(ERR, "can't unmap a flag page: %s", strerror(errno));
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
    if (xengnttab_unmap(m->grants, pages, names.n) < 0)
        LOG(ERR, "can't unmap a list of pages: %s", strerror(errno));
    return more < 0 ? -1 : 0;
}

// Read the next of an offer's lists, or make the table when all are read. Returns true if that was the last step.
static bool list_step(struct mapper *m, struct map_job *j)
{
    struct reflist *l = j->list;

    if (l->n_regions < j->offer.n_pools + 2 && region_walk(m, j, l) == 0)
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
    struct map_job look = { .offer = { .domid = j->offer.domid, .flag_ref = j->offer.flag_ref } };

    if (j->offer.flag_ref == 0)
        return true;
    flag_map(m, &look);
    j->flag = look.flag;
    // What the keys are refused for comes first.
    if (j->offer.refusal != XENVIRT_REFUSED_NONE)
        return true;
    if (j->flag == NULL) {
        job_refuse(j, look.offer.refusal, "flag page", refusal_text(look.offer.refusal));
        return true;
    }
    if (!flag_read(j->flag).up) {
        job_refuse(j, XENVIRT_REFUSED_FLAG_DOWN, "flag page", refusal_text(XENVIRT_REFUSED_FLAG_DOWN));
        return true;
    }
    j->list = malloc(sizeof(*j->list));
    if (j->list == NULL) {
        job_refuse(j, XENVIRT_REFUSED_HOST, "list of pages", strerror(ENOMEM));
        return true;
    }
    reflist_init(j->list, j->pages);
    return false;
}

// One step of a job. Returns true if it is done.
static bool job_step(struct mapper *m, struct map_job *j)
{
    if (!mapper_ready(m, j))
        return true;
    switch (j->kind) {
    case MAP_OFFER:
        return j->list == NULL ? offer_begin(m, j) : list_step(m, j);
    case MAP_FLAG:
        flag_map(m, j);
        break;
    case MAP_PROBE:
        flag_map(m, j);
        flag_unmap(m, j->flag);
        j->flag = NULL;
        break;
    case MAP_DROP:
        flag_unmap(m, j->flag);
        j->flag = NULL;
        break;
    }
    return true;
}

static void *mapper_thread(void *arg)
{
    struct mapper *m = arg;
    char why[XENDEV_TEXT_BYTES];
    bool done;

    // Said before the first guest comes, and tried again then.
    m->grants = xengnttab_open(NULL, 0);
    if (m->grants == NULL)
        LOG(WARNING, "can't open the grant device: %s; guests are refused until it can be",
            xendev_why("", "gntdev", errno, why));
    pthread_mutex_lock(&m->lock);
    for (;;) {
        struct map_job *j = queue_take(&m->jobs);

        if (j == NULL && m->stop)
            break;
        if (j == NULL) {
            pthread_cond_wait(&m->given, &m->lock);
            continue;
        }
        pthread_mutex_unlock(&m->lock);
        done = job_step(m, j);
        pthread_mutex_lock(&m->lock);
        if (!done) {
            queue_put(&m->jobs, j); // behind the others
            continue;
        }
        if (j->kind == MAP_DROP) {
            map_job_free(j);
            continue;
        }
        queue_put(&m->done, j);
        eventfd_write(m->fd, 1);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

int mapper_open(struct mapper **out)
{
    struct mapper *m = calloc(1, sizeof(*m));
    int ret;

    if (m == NULL)
        return -ENOMEM;
    queue_init(&m->jobs);
    queue_init(&m->done);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->given, NULL);
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ret = m->fd < 0 ? -errno : -pthread_create(&m->thread, NULL, mapper_thread, m);
    if (ret == 0) {
        *out = m;
        return 0;
    }
    if (m->fd >= 0)
        close(m->fd);
    free(m);
    return ret;
}

// The kernel unmaps what is left; a mapping that hangs is left to the end of the process.
void mapper_close(struct mapper *m)
{
    struct timespec until;

    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_signal(&m->given);
    pthread_mutex_unlock(&m->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_timedjoin_np(m->thread, NULL, &until) != 0)
        return;
    if (m->grants != NULL)
        xengnttab_close(m->grants);
    close(m->fd);
    free(m);
}

int mapper_fd(const struct mapper *m)
{
    return m->fd;
}

struct map_job *map_job_new(enum map_kind kind, uint64_t ticket)
{
    struct map_job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->kind = kind;
    j->ticket = ticket;
    return j;
}

void map_job_free(struct map_job *j)
{
    if (j->list != NULL)
        reflist_fini(j->list);
    free(j->list);
    free(j->table);
    free(j);
}

void mapper_give(struct mapper *m, struct map_job *j)
{
    pthread_mutex_lock(&m->lock);
    queue_put(&m->jobs, j);
    pthread_cond_signal(&m->given);
    pthread_mutex_unlock(&m->lock);
}

struct map_job *mapper_take(struct mapper *m)
{
    struct map_job *j;
    eventfd_t rung;

    pthread_mutex_lock(&m->lock);
    j = queue_take(&m->done);
    if (m->done.first == NULL)
        eventfd_read(m->fd, &rung);
    pthread_mutex_unlock(&m->lock);
    return j;
}

void mapper_drop(struct mapper *m, struct xenvirt_flag_page *flag)
{
    struct map_job *j = flag == NULL ? NULL : map_job_new(MAP_DROP, 0);

    if (j == NULL)
        return;
    j->flag = flag;
    mapper_give(m, j);
}
