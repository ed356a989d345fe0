// SPDX-License-Identifier: BSD-3-Clause
#include "flow.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_FRAMES 64u // of one flow or device, before the others' turn

double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void port_got(void *arg, const uint8_t *frame, uint32_t len)
{
    struct port *p = arg;
    bool numbered = seq_enter(&p->books, frame, len);
    struct captured *c;

    if (p->capture == CAPTURE_NONE || (numbered && p->capture != CAPTURE_ALL) || p->n_captured == CAPTURE_MAX)
        return;
    c = &p->captured[p->n_captured];
    c->bytes = malloc(len == 0 ? 1 : len);
    if (c->bytes == NULL)
        return;
    memcpy(c->bytes, frame, len);
    c->len = len;
    p->n_captured++;
}

bool guest_poll(struct guest *g)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < FE_DEVS_MAX; i++) {
        struct fe_dev *dev = fe_dev(g->fe, i);

        if (dev == NULL || !fe_dev_started(dev))
            continue;
        n += fe_sent(dev);
        if (g->ports[i].poll)
            n += fe_receive(dev, TURN_FRAMES, port_got, &g->ports[i]);
    }
    return n > 0;
}

void guest_sleep(struct guest *g, long us)
{
    struct pollfd fd = { .fd = fe_fd(g->fe), .events = POLLIN };
    struct timespec wait = { .tv_nsec = us * 1000 };

    if (ppoll(&fd, 1, &wait, NULL) > 0)
        fe_events(g->fe);
}

bool guest_await(struct guest *g, const struct fe_dev *dev, uint64_t frames, double longest, double *away)
{
    double now = seconds(), end = now + longest;

    *away = 0;
    while (fe_dev_stats(dev)->rx_frames < frames && now < end) {
        double before = now;

        guest_sleep(g, 0);
        guest_poll(g);
        now = seconds();
        *away = now - before > *away ? now - before : *away;
    }
    return fe_dev_stats(dev)->rx_frames >= frames;
}

// A flow that fell behind, since its ring was full, goes on at its rate: it doesn't make up for it.
static uint64_t flow_due(struct flow *f, double now)
{
    uint64_t due = f->sent + TURN_FRAMES;

    if (f->rate > 0) {
        uint64_t paced = (now - f->started) * f->rate;

        if (paced > due)
            f->started = now - due / f->rate;
        due = paced < due ? paced : due;
    }
    return f->count != 0 && due > f->count ? f->count : due;
}

static bool flow_run(struct guest *g, struct flow *f, double now)
{
    uint8_t frame[FE_FRAME_BYTES + 4];
    uint64_t due = flow_due(f, now), before = f->sent;

    while (f->sent < due) {
        uint32_t len = seq_frame(frame, f->len, f->dst, f->src, f->vlan, f->id, f->sent);

        if (fe_send(fe_dev(g->fe, f->dev), frame, len, &f->shape) < 0)
            break;
        f->sent++;
    }
    if (f->count != 0 && f->sent == f->count)
        f->running = false;
    return f->sent != before;
}

bool flows_run(struct guest *g)
{
    double now = seconds();
    bool busy = false;

    for (uint32_t i = 0; i < SEQ_FLOWS_MAX; i++) {
        struct flow *f = &g->flows[i];

        if (f->running && fe_dev_started(fe_dev(g->fe, f->dev)))
            busy |= flow_run(g, f, now);
    }
    return busy;
}

struct flow *flow_entry(struct guest *g, uint32_t id)
{
    struct flow *empty = NULL;

    for (uint32_t i = 0; i < SEQ_FLOWS_MAX; i++) {
        struct flow *f = &g->flows[i];

        if (f->used && f->id == id)
            return f;
        if (!f->used && empty == NULL)
            empty = f;
    }
    return empty;
}
