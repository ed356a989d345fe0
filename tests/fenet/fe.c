// SPDX-License-Identifier: BSD-3-Clause
#include "fe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"
#include "words.h"

static void path_of(char path[128], uint32_t n, const char *key)
{
    snprintf(path, 128, "device/vif/%u%s%s", n, *key == '\0' ? "" : "/", key);
}

static int write_in(struct fe *fe, xs_transaction_t t, uint32_t n, const char *key, const void *value, size_t bytes)
{
    char path[128];

    path_of(path, n, key);
    return xs_write(fe->xs, t, path, value, bytes) ? 0 : -errno;
}

int fe_key_write(struct fe *fe, uint32_t n, const char *key, const void *value, size_t bytes)
{
    return write_in(fe, XBT_NULL, n, key, value, bytes);
}

int fe_key_read(struct fe *fe, uint32_t n, const char *key, char **value)
{
    char path[128];
    unsigned len;

    path_of(path, n, key);
    *value = xs_read(fe->xs, XBT_NULL, path, &len);
    return *value == NULL ? -errno : 0;
}

int fe_key_remove(struct fe *fe, uint32_t n, const char *key)
{
    char path[128];

    path_of(path, n, key);
    return xs_rm(fe->xs, XBT_NULL, path) ? 0 : -errno;
}

int fe_open(struct fe *fe)
{
    unsigned len;
    char *domid;

    fe->xs = xs_open(0);
    if (fe->xs == NULL)
        return -errno;
    domid = xs_read(fe->xs, XBT_NULL, "domid", &len);
    if (domid == NULL)
        return -errno;
    fe->domid = strtoul(domid, NULL, 10);
    free(domid);
    fe->shr = xengntshr_open(NULL, 0);
    if (fe->shr == NULL)
        return -errno;
    fe->evt = xenevtchn_open(NULL, 0);
    return fe->evt == NULL ? -errno : 0;
}

// What the toolstack says of the device.
static int told(struct fe *fe, struct fe_dev *dev)
{
    char *text;
    int ret = fe_key_read(fe, dev->number, "backend-id", &text);

    if (ret < 0)
        return ret;
    dev->backend = strtoul(text, NULL, 10);
    free(text);
    ret = fe_key_read(fe, dev->number, "mac", &text);
    if (ret < 0)
        return ret;
    ret = mac_read(text, dev->mac) ? 0 : -EINVAL;
    free(text);
    return ret;
}

void fe_dev_close(struct fe_dev *dev)
{
    dev->started = false;
    for (uint32_t i = 0; i < dev->n_queues; i++) {
        struct queue *q = &dev->queues[i];

        if (dev->faults == 0 && q->count.faults != 0)
            memcpy(dev->fault, q->fault, sizeof(dev->fault));
        dev->faults += q->count.faults;
        queue_close(q);
    }
    dev->n_queues = 0;
}

int fe_dev_open(struct fe *fe, uint32_t n, const struct fe_config *c)
{
    struct fe_dev *dev = &fe->devs[n];
    int ret;

    if (c->queues == 0 || c->queues > QUEUES_MAX || c->bufs > SLOTS)
        return -EINVAL;
    fe_dev_close(dev);
    if (dev->queues == NULL)
        dev->queues = calloc(QUEUES_MAX, sizeof(*dev->queues));
    if (dev->queues == NULL)
        return -ENOMEM;
    dev->number = n;
    dev->split = c->split;
    dev->mcast = c->mcast;
    dev->forge = 0;
    ret = told(fe, dev);
    for (uint32_t i = 0; ret == 0 && i < c->queues; i++) {
        struct queue *q = &dev->queues[i];

        *q = (struct queue){ .stats = &dev->stats, .n_rx = c->bufs, .sleeps = c->sleeps };
        ret = queue_open(q, fe->shr, fe->evt, dev->backend, c->split);
        dev->n_queues += ret == 0;
    }
    dev->open = ret == 0;
    return ret;
}

static int number_write(
    struct fe *fe, xs_transaction_t t, struct fe_dev *dev, const char *dir, const char *key, uint32_t v)
{
    char name[64], value[16];

    snprintf(name, sizeof(name), "%s%s", dir, key);
    snprintf(value, sizeof(value), "%u", v);
    return write_in(fe, t, dev->number, name, value, strlen(value));
}

static int queue_publish(struct fe *fe, xs_transaction_t t, struct fe_dev *dev, uint32_t i)
{
    const struct queue *q = &dev->queues[i];
    char dir[32] = "";
    int ret;

    if (dev->n_queues > 1)
        snprintf(dir, sizeof(dir), "queue-%u/", i);
    ret = number_write(fe, t, dev, dir, "tx-ring-ref", q->refs[TX]);
    if (ret == 0)
        ret = number_write(fe, t, dev, dir, "rx-ring-ref", q->refs[RX]);
    if (ret == 0 && !dev->split)
        return number_write(fe, t, dev, dir, "event-channel", q->ports[TX]);
    if (ret == 0)
        ret = number_write(fe, t, dev, dir, "event-channel-tx", q->ports[TX]);
    return ret < 0 ? ret : number_write(fe, t, dev, dir, "event-channel-rx", q->ports[RX]);
}

static int publish(struct fe *fe, xs_transaction_t t, struct fe_dev *dev)
{
    int ret = dev->n_queues > 1 ? number_write(fe, t, dev, "", "multi-queue-num-queues", dev->n_queues) : 0;

    for (uint32_t i = 0; ret == 0 && i < dev->n_queues; i++)
        ret = queue_publish(fe, t, dev, i);
    if (ret == 0 && dev->mcast)
        ret = number_write(fe, t, dev, "", "request-multicast-control", 1);
    if (ret == 0)
        ret = number_write(fe, t, dev, "", "feature-rx-notify", 1);
    return ret < 0 ? ret : number_write(fe, t, dev, "", "request-rx-copy", 1);
}

int fe_dev_publish(struct fe *fe, struct fe_dev *dev)
{
    int ret;

    for (uint32_t i = 0; i < dev->n_queues; i++)
        queue_fill(&dev->queues[i]);
    do {
        xs_transaction_t t = xs_transaction_start(fe->xs);

        if (t == XBT_NULL)
            return -errno;
        ret = publish(fe, t, dev);
        if (!xs_transaction_end(fe->xs, t, ret < 0) && ret == 0)
            ret = -errno;
    } while (ret == -EAGAIN);
    return ret;
}

int fe_dev_start(struct fe *fe, struct fe_dev *dev)
{
    int ret = fe_dev_publish(fe, dev);

    if (ret == 0)
        ret = fe_key_write(fe, dev->number, "state", "4", 1);
    dev->started = ret == 0;
    return ret;
}

// --- front.h ---

struct fe_dev *fe_dev(struct fe *fe, uint32_t n)
{
    return fe->devs[n].open ? &fe->devs[n] : NULL;
}

bool fe_dev_started(const struct fe_dev *dev)
{
    return dev->started;
}

const uint8_t *fe_dev_mac(const struct fe_dev *dev)
{
    return dev->mac;
}

const struct fe_stats *fe_dev_stats(const struct fe_dev *dev)
{
    return &dev->stats;
}

void fe_dev_print(const struct fe_dev *dev)
{
    uint64_t faults = dev->faults;
    const char *fault = dev->fault;
    struct queue_stats all = {};
    uint32_t outstanding = 0;

    for (uint32_t i = 0; i < dev->n_queues; i++) {
        const struct queue *q = &dev->queues[i];

        if (faults == 0)
            fault = q->fault;
        faults += q->count.faults;
        all.kicks += q->count.kicks;
        all.events += q->count.events;
        all.spurious += q->count.spurious;
        all.errors += q->count.errors;
        outstanding += SLOTS - q->n_free;
    }
    printf("\"faults\":%lu,\"fault\":\"%s\",\"errors\":%lu,\"kicks\":%lu,\"events\":%lu,\"spurious\":%lu,"
           "\"outstanding\":%u,",
        (unsigned long)faults, fault, (unsigned long)all.errors, (unsigned long)all.kicks, (unsigned long)all.events,
        (unsigned long)all.spurious, outstanding);
}

int fe_send(struct fe_dev *dev, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    return dev->n_queues == 0 ? -EPIPE : queue_send(&dev->queues[shape->queue % dev->n_queues], frame, len, shape);
}

uint32_t fe_sent(struct fe_dev *dev)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < dev->n_queues; i++) {
        struct queue *q = &dev->queues[i];

        if (dev->forge != 0)
            forge(q, dev->forge);
        if (!q->broken && (q->due[TX] || !q->sleeps))
            n += queue_sent(q);
    }
    return n;
}

uint32_t fe_receive(struct fe_dev *dev, uint32_t max, fe_got *got, void *arg)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < dev->n_queues; i++) {
        struct queue *q = &dev->queues[i];

        if (!q->broken && (q->due[RX] || !q->sleeps))
            n += queue_receive(q, max, got, arg);
    }
    return n;
}

int fe_fd(const struct fe *fe)
{
    return xenevtchn_fd(fe->evt);
}

void fe_events(struct fe *fe)
{
    int port = xenevtchn_pending(fe->evt);
    bool found = false;

    if (port < 0)
        return;
    for (uint32_t d = 0; d < FE_DEVS_MAX && !found; d++) {
        for (uint32_t i = 0; i < fe->devs[d].n_queues && !found; i++)
            found = queue_event(&fe->devs[d].queues[i], port);
    }
    xenevtchn_unmask(fe->evt, port);
}
