// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Wait for room, at most a second.
static int send_wait(
    struct guest *g, struct fe_dev *dev, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    double end = seconds() + 1;
    int ret;

    while ((ret = fe_send(dev, frame, len, shape)) == -EAGAIN && seconds() < end) {
        guest_poll(g);
        guest_sleep(g, 200);
    }
    return ret;
}

static int flow_read(struct guest *g, const struct words *w, struct flow *f)
{
    uint64_t dev = number(w, "dev", 0);

    if (dev >= FE_DEVS_MAX || fe_dev(g->fe, dev) == NULL || !mac_read(named(w, "dst", NULL), f->dst))
        return -EINVAL;
    memcpy(f->src, fe_dev_mac(fe_dev(g->fe, dev)), 6);
    if (named(w, "src", NULL) != NULL && !mac_read(named(w, "src", NULL), f->src))
        return -EINVAL;
    f->dev = dev;
    f->len = number(w, "len", 60);
    f->count = number(w, "count", 1);
    f->rate = number(w, "rate", 0);
    f->vlan = (int)number(w, "vlan", -1);
    return f->len > FE_FRAME_BYTES - 4 ? -EMSGSIZE : shape_read(w, &f->shape);
}

// send dev=N dst=MAC [src=] [len=] [count=] [flow=] [seq=] [vlan=] [hdr=] [segs=] [zeros=]
static int do_send(struct guest *g, const struct words *w)
{
    uint8_t frame[FE_FRAME_BYTES + 4];
    struct flow f = { .used = true };
    uint64_t seq = number(w, "seq", 0), n;
    int ret = flow_read(g, w, &f);

    for (n = 0; ret == 0 && n < f.count; n++) {
        uint32_t len = seq_frame(frame, f.len, f.dst, f.src, f.vlan, number(w, "flow", 0), seq + n);

        ret = send_wait(g, fe_dev(g->fe, f.dev), frame, len, &f.shape);
    }
    return ret < 0 ? ret : done_at(0);
}

// sendhex N HEX [hdr=] [segs=] [zeros=]
static int do_sendhex(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    uint8_t frame[FE_FRAME_BYTES];
    struct fe_shape shape;
    uint32_t len;

    if (dev == NULL || w->n < 3 || shape_read(w, &shape) < 0)
        return -EINVAL;
    for (len = 0; len < sizeof(frame) && sscanf(w->word[2] + 2 * (size_t)len, "%2hhx", &frame[len]) == 1; len++)
        ;
    return done(send_wait(g, dev, frame, len, &shape));
}

// flow ID dev=N dst=MAC [src=] [len=] [count=0 for ever] [rate=0 as fast as the ring takes] [vlan=] [hdr=] ...
static int do_flow(struct guest *g, const struct words *w)
{
    int64_t id = position(w, 1, 1ull << 32);
    struct flow *f = id < 0 ? NULL : flow_entry(g, id);
    struct flow new = { .used = true, .running = true };
    int ret = f == NULL ? -EINVAL : flow_read(g, w, &new);

    if (ret < 0)
        return ret;
    new.id = id;
    new.started = seconds();
    *f = new;
    return done(0);
}

static int do_flowstop(struct guest *g, const struct words *w)
{
    int64_t id = position(w, 1, 1ull << 32);
    struct flow *f = id < 0 ? NULL : flow_entry(g, id);

    if (f == NULL || !f->used)
        return -EINVAL;
    f->running = false;
    return done(0);
}

static int do_flows(struct guest *g, const struct words *w)
{
    const char *comma = "";

    (void)w;
    printf("{\"ok\":true,\"flows\":{");
    for (unsigned i = 0; i < SEQ_FLOWS_MAX; i++) {
        const struct flow *f = &g->flows[i];

        if (!f->used)
            continue;
        printf("%s\"%u\":{\"dev\":%u,\"sent\":%lu,\"running\":%s}", comma, f->id, f->dev, (unsigned long)f->sent,
            f->running ? "true" : "false");
        comma = ",";
    }
    puts("}}");
    return 0;
}

// poll N on|off
static int do_poll(struct guest *g, const struct words *w)
{
    struct port *p = port_of(g, w, 1);

    if (p == NULL || w->n < 3)
        return -EINVAL;
    p->poll = strcmp(w->word[2], "on") == 0;
    return done(0);
}

// idle US
static int do_idle(struct guest *g, const struct words *w)
{
    int64_t us = position(w, 1, 1000000);

    if (us < 0)
        return -EINVAL;
    g->idle_us = us;
    return done(0);
}

// capture N all|other|none
static int do_capture(struct guest *g, const struct words *w)
{
    static const char *const names[] = { "other", "all", "none" };
    struct port *p = port_of(g, w, 1);

    for (unsigned i = 0; p != NULL && w->n > 2 && i < 3; i++) {
        if (strcmp(w->word[2], names[i]) == 0) {
            p->capture = i;
            return done(0);
        }
    }
    return -EINVAL;
}

// await N FRAMES [ms=1000]: spin until so many have come in all, so that the time of the last one's coming is known
static int do_await(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    int64_t frames = position(w, 2, INT64_MAX);
    double away;

    if (dev == NULL || frames < 0)
        return -EINVAL;
    return guest_await(g, dev, frames, number(w, "ms", 1000) / 1e3, &away) ? done_at(away) : -ETIMEDOUT;
}

// frames N: what was captured, which is forgotten then
static int do_frames(struct guest *g, const struct words *w)
{
    struct port *p = port_of(g, w, 1);

    if (p == NULL)
        return -EINVAL;
    printf("{\"ok\":true,\"frames\":[");
    for (uint32_t i = 0; i < p->n_captured; i++) {
        printf("%s\"", i == 0 ? "" : ",");
        for (uint32_t k = 0; k < p->captured[i].len; k++)
            printf("%02x", p->captured[i].bytes[k]);
        putchar('"');
        free(p->captured[i].bytes);
    }
    p->n_captured = 0;
    puts("]}");
    return 0;
}

static void books_print(const struct seq_books *books)
{
    for (unsigned i = 0; i < SEQ_FLOWS_MAX && books->book[i].used; i++) {
        const struct seq_book *b = &books->book[i];

        printf("%s\"%u\":{\"frames\":%lu,\"unique\":%lu,\"duplicated\":%lu,\"reordered\":%lu,\"corrupt\":%lu,"
               "\"padded\":%lu,\"next\":%lu}",
            i == 0 ? "" : ",", b->flow, (unsigned long)b->frames, (unsigned long)b->unique,
            (unsigned long)b->duplicated, (unsigned long)b->reordered, (unsigned long)b->corrupt,
            (unsigned long)b->padded, (unsigned long)b->next);
    }
}

// report N
static int do_report(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    const struct fe_stats *s;

    if (dev == NULL)
        return -EINVAL;
    s = fe_dev_stats(dev);
    printf("{\"ok\":true,\"rx_frames\":%lu,\"rx_bytes\":%lu,\"rx_bad\":%lu,\"tx_frames\":%lu,\"tx_done\":%lu,"
           "\"tx_bad\":%lu,",
        (unsigned long)s->rx_frames, (unsigned long)s->rx_bytes, (unsigned long)s->rx_bad, (unsigned long)s->tx_frames,
        (unsigned long)s->tx_done, (unsigned long)s->tx_bad);
    fe_dev_print(dev);
    printf("\"flows\":{");
    books_print(&port_of(g, w, 1)->books);
    puts("}}");
    return 0;
}

// forget N: begin the books of received flows anew
static int do_forget(struct guest *g, const struct words *w)
{
    struct port *p = port_of(g, w, 1);

    if (p == NULL)
        return -EINVAL;
    seq_forget(&p->books);
    return done(0);
}

static int do_die(struct guest *g, const struct words *w)
{
    (void)g;
    (void)w;
    return kill(getpid(), SIGKILL);
}

static int do_quit(struct guest *g, const struct words *w)
{
    (void)g;
    (void)w;
    _exit(0);
}

const struct command traffic_commands[] = {
    { "send", do_send },
    { "sendhex", do_sendhex },
    { "flow", do_flow },
    { "flowstop", do_flowstop },
    { "flows", do_flows },
    { "await", do_await },
    { "poll", do_poll },
    { "idle", do_idle },
    { "capture", do_capture },
    { "frames", do_frames },
    { "report", do_report },
    { "forget", do_forget },
    { "die", do_die },
    { "quit", do_quit },
    { NULL, NULL },
};
