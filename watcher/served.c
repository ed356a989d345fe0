/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "served.h"

struct served_device {
    struct served_device *next;
    uint32_t domid, kind, device;
    enum keys_served how;
    bool changed;
};

int served_open(struct served *s)
{
    *s = (struct served){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    pthread_mutex_init(&s->lock, NULL);
    return s->fd < 0 ? -errno : 0;
}

void served_close(struct served *s)
{
    struct served_device *d;

    while ((d = s->first) != NULL) {
        s->first = d->next;
        free(d);
    }
    pthread_mutex_destroy(&s->lock);
    close(s->fd);
}

static struct served_device *find(struct served *s, uint32_t domid, uint32_t kind, uint32_t device)
{
    struct served_device *d = s->first;

    while (d != NULL && (d->domid != domid || d->kind != kind || d->device != device))
        d = d->next;
    return d;
}

static struct served_device *add(struct served *s, uint32_t domid, uint32_t kind, uint32_t device)
{
    struct served_device *d = malloc(sizeof(*d));

    if (d == NULL)
        return NULL;
    *d = (struct served_device){ .next = s->first, .domid = domid, .kind = kind, .device = device };
    s->first = d;
    return d;
}

void served_set(struct served *s, uint32_t domid, uint32_t kind, uint32_t device, enum keys_served how)
{
    struct served_device *d;

    pthread_mutex_lock(&s->lock);
    d = find(s, domid, kind, device);
    if (d == NULL && how != KEYS_FREE)
        d = add(s, domid, kind, device);
    if (d != NULL && d->how != how) {
        d->how = how;
        d->changed = true;
        eventfd_write(s->fd, 1);
    }
    pthread_mutex_unlock(&s->lock);
}

enum keys_served served_get(struct served *s, uint32_t domid, uint32_t kind, uint32_t device)
{
    const struct served_device *d;
    enum keys_served how;

    pthread_mutex_lock(&s->lock);
    d = find(s, domid, kind, device);
    how = d == NULL ? KEYS_FREE : d->how;
    pthread_mutex_unlock(&s->lock);
    return how;
}

bool served_changed(struct served *s, uint32_t *domid)
{
    struct served_device **at = &s->first, *d;
    eventfd_t n;
    bool changed;

    eventfd_read(s->fd, &n);
    pthread_mutex_lock(&s->lock);
    while ((d = *at) != NULL && !d->changed)
        at = &d->next;
    changed = d != NULL;
    if (changed) {
        *domid = d->domid;
        d->changed = false;
        if (d->how == KEYS_FREE) {
            *at = d->next;
            free(d);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return changed;
}
