/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "outbox.h"

int outbox_open(struct outbox *o)
{
    *o = (struct outbox){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    if (o->fd < 0)
        return -errno;
    pthread_mutex_init(&o->lock, NULL);
    return 0;
}

void outbox_close(struct outbox *o)
{
    struct snapshot *s;

    while ((s = outbox_take(o)) != NULL)
        snapshot_free(s);
    pthread_mutex_destroy(&o->lock);
    close(o->fd);
}

void outbox_put(struct outbox *o, struct snapshot *s)
{
    struct snapshot **at = &o->first;

    pthread_mutex_lock(&o->lock);
    while (*at != NULL && (*at)->domid != s->domid)
        at = &(*at)->next;
    if (*at != NULL) {
        s->next = (*at)->next;
        snapshot_merge(s, *at);
    }
    *at = s;
    eventfd_write(o->fd, 1);
    pthread_mutex_unlock(&o->lock);
}

struct snapshot *outbox_take(struct outbox *o)
{
    struct snapshot *s;
    eventfd_t rung;

    pthread_mutex_lock(&o->lock);
    s = o->first;
    if (s != NULL) {
        o->first = s->next;
        s->next = NULL;
    }
    if (o->first == NULL)
        eventfd_read(o->fd, &rung);
    pthread_mutex_unlock(&o->lock);
    return s;
}
