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

#include "front.h"
#include "log.h"
#include "mapper.h"
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

void mapper_refuse(struct map_job *j, enum xenvirt_refusal refusal, const char *what, const char *why)
{
    if (j->offer.refusal != XENVIRT_REFUSED_NONE)
        return;
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
    mapper_refuse(j, XENVIRT_REFUSED_HOST, "can't open the grant device", xendev_why("", "gntdev", errno, why));
    return false;
}

void *mapper_map(struct mapper *m, struct map_job *j, const char *what, uint32_t *refs, uint32_t n, int prot)
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
        mapper_refuse(j, XENVIRT_REFUSED_HOST, what, strerror(error));
    else
        mapper_refuse(j, XENVIRT_REFUSED_REF_UNKNOWN, what, refusal_text(XENVIRT_REFUSED_REF_UNKNOWN));
    return NULL;
}

void mapper_unmap(struct mapper *m, void *p, uint32_t n)
{
    if (p != NULL && xengnttab_unmap(m->grants, p, n) < 0)
        LOG(ERR, "can't unmap %u pages: %s", n, strerror(errno));
}

bool mapper_page(struct mapper *m, struct map_job *j)
{
    uint32_t ref = fronts[j->offer.words.kind]->page(&j->offer.words);

    if (ref == 0)
        return true;
    j->page = mapper_map(m, j, "its page", &ref, 1, PROT_READ | PROT_WRITE);
    return j->page != NULL;
}

static void page_unmap(struct mapper *m, struct map_job *j)
{
    mapper_unmap(m, j->page, 1);
    j->page = NULL;
}

// One step of a job. Returns true if it is done.
static bool job_step(struct mapper *m, struct map_job *j)
{
    if (!mapper_ready(m, j))
        return true;
    switch (j->kind) {
    case MAP_OFFER:
        return fronts[j->offer.words.kind]->map(m, j);
    case MAP_PAGE:
        mapper_page(m, j);
        break;
    case MAP_PROBE:
        mapper_page(m, j);
        page_unmap(m, j);
        break;
    case MAP_DROP:
        page_unmap(m, j);
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
    if (j->work != NULL)
        fronts[j->offer.words.kind]->forget(j);
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

void mapper_drop(struct mapper *m, void *page)
{
    struct map_job *j = page == NULL ? NULL : map_job_new(MAP_DROP, 0);

    if (j == NULL)
        return;
    j->page = page;
    mapper_give(m, j);
}
