// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 64u

// A line: words, of which those with a '=' are looked up by name.
struct words {
    unsigned n;
    char *word[WORDS_MAX];
};

static const char *named(const struct words *w, const char *name, const char *fallback)
{
    size_t len = strlen(name);

    for (unsigned i = 1; i < w->n; i++) {
        if (strncmp(w->word[i], name, len) == 0 && w->word[i][len] == '=')
            return w->word[i] + len + 1;
    }
    return fallback;
}

static uint64_t number(const struct words *w, const char *name, uint64_t fallback)
{
    const char *value = named(w, name, NULL);

    return value == NULL ? fallback : strtoull(value, NULL, 0);
}

// Word i as a number below limit, or -1.
static int64_t position(const struct words *w, unsigned i, uint64_t limit)
{
    char *end;
    uint64_t v;

    if (i >= w->n)
        return -1;
    v = strtoull(w->word[i], &end, 0);
    return *end != '\0' || end == w->word[i] || v >= limit ? -1 : (int64_t)v;
}

static bool mac_read(const char *text, uint8_t mac[6])
{
    return text != NULL &&
           sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static int done(int ret)
{
    if (ret == 0)
        puts("{\"ok\":true}");
    return ret;
}

// Done at this moment of CLOCK_MONOTONIC.
static int done_at(double away)
{
    printf("{\"ok\":true,\"at\":%.9f,\"away\":%.9f}\n", seconds(), away);
    return 0;
}

static struct fe_dev *dev_of(struct guest *g, const struct words *w, unsigned i)
{
    int64_t n = position(w, i, FE_DEVS_MAX);

    return n < 0 || !g->fe.devs[n].open ? NULL : &g->fe.devs[n];
}

// "rx" or "tx" at word i.
static struct fe_ring *ring_of(struct fe_dev *dev, const struct words *w, unsigned i)
{
    if (dev == NULL || i >= w->n)
        return NULL;
    if (strcmp(w->word[i], "rx") == 0)
        return &dev->rx;
    return strcmp(w->word[i], "tx") == 0 ? &dev->tx : NULL;
}

static int shape_read(const struct words *w, struct fe_shape *shape)
{
    static const char *const names[] = { "null", "own", "inline", "split" };
    const char *hdr = named(w, "hdr", "null");

    shape->segs = number(w, "segs", 1);
    shape->zeros = number(w, "zeros", 0);
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(hdr, names[i]) == 0) {
            shape->hdr = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int do_pool(struct guest *g, const struct words *w)
{
    int64_t m = position(w, 1, FE_POOLS_MAX);

    if (m < 0)
        return -EINVAL;
    return done(fe_pool_open(&g->fe, m, number(w, "count", 640), number(w, "size", 2048)));
}

static int do_dev(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    uint64_t rx_pool = number(w, "pool", 0), tx_pool = number(w, "txpool", rx_pool);
    uint8_t mac[6];
    int ret;

    if (n < 0 || !mac_read(named(w, "mac", NULL), mac) || rx_pool >= FE_POOLS_MAX || tx_pool >= FE_POOLS_MAX)
        return -EINVAL;
    ret = fe_dev_open(&g->fe, n, mac, rx_pool, tx_pool);
    if (ret < 0)
        return ret;
    g->fe.devs[n].n_rx_bufs = number(w, "bufs", FE_RING_SIZE);
    g->fe.devs[n].rx_segs = number(w, "rxsegs", 1);
    g->fe.devs[n].rx_seg_bytes = number(w, "rxsegbytes", 0);
    g->ports[n].poll = true;
    return done(0);
}

static int do_start(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL ? -EINVAL : done(fe_dev_start(&g->fe, dev - g->fe.devs));
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

static int do_stop(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    if (dev == NULL)
        return -EINVAL;
    fe_dev_stop(dev);
    return done(0);
}

static int do_mac(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL || !mac_read(named(w, "mac", NULL), dev->mac) ? -EINVAL : done(0);
}

// write KEY [VALUE]
static int do_write(struct guest *g, const struct words *w)
{
    return w->n < 2 ? -EINVAL : done(fe_key_write(&g->fe, w->word[1], w->n > 2 ? w->word[2] : ""));
}

static int do_rm(struct guest *g, const struct words *w)
{
    return w->n < 2 ? -EINVAL : done(fe_key_remove(&g->fe, w->word[1]));
}

static int do_read(struct guest *g, const struct words *w)
{
    char *value;
    int ret = w->n < 2 ? -EINVAL : fe_key_read(&g->fe, w->word[1], &value);

    if (ret < 0)
        return ret;
    printf("{\"ok\":true,\"value\":\"%s\"}\n", value);
    free(value);
    return 0;
}

// "pool M", "rx N" or "tx N" at words 1 and 2.
static struct fe_grant *grant_of(struct guest *g, const struct words *w)
{
    int64_t m = position(w, 2, FE_POOLS_MAX);

    if (w->n < 3)
        return NULL;
    if (strcmp(w->word[1], "pool") == 0)
        return m < 0 || g->fe.pools[m].grant.va == NULL ? NULL : &g->fe.pools[m].grant;
    struct words swapped = { .n = 2, .word = { w->word[2], w->word[1] } };
    struct fe_ring *ring = ring_of(dev_of(g, w, 2), &swapped, 1);

    return ring == NULL ? NULL : &ring->grant;
}

static int grant_print(const struct fe_grant *grant)
{
    printf("{\"ok\":true,\"va\":\"%lx\",\"refs\":[", (unsigned long)(uintptr_t)grant->va);
    for (uint32_t i = 0; i < grant->n_pages; i++)
        printf("%s%u", i == 0 ? "" : ",", grant->refs[i]);
    printf("],\"lists\":[");
    for (uint32_t i = 0; i < grant->n_lists; i++)
        printf("%s%u", i == 0 ? "" : ",", grant->list_refs[i]);
    puts("]}");
    return 0;
}

static int do_refs(struct guest *g, const struct words *w)
{
    const struct fe_grant *grant = grant_of(g, w);

    return grant == NULL ? -EINVAL : grant_print(grant);
}

// grant PAGES: pages for any purpose, never given back
static int do_grant(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, 1u << 16);
    struct fe_grant grant;
    int ret = n <= 0 ? -EINVAL : fe_grant(&g->fe, &grant, n);

    return ret < 0 ? ret : grant_print(&grant);
}

// pair pool|rx|tx N INDEX GREF: change one pair of its list
static int do_pair(struct guest *g, const struct words *w)
{
    struct fe_grant *grant = grant_of(g, w);
    int64_t i, gref = position(w, 4, 1ull << 32);

    if (grant == NULL || gref < 0)
        return -EINVAL;
    i = position(w, 3, grant->n_lists * XENVIRT_PAIRS_PER_PAGE);
    if (i < 0)
        return -EINVAL;
    grant->pairs[i].gref = gref;
    return done(0);
}

// flag N BYTE
static int do_flag(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    int64_t byte = position(w, 2, 256);

    if (dev == NULL || dev->flag == NULL || byte < 0)
        return -EINVAL;
    __atomic_store_n(dev->flag, byte, __ATOMIC_RELEASE);
    return done(0);
}

// Wait for room, at most a second.
static int send_wait(
    struct guest *g, struct fe_dev *dev, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    double end = seconds() + 1;
    int ret;

    while ((ret = fe_send(dev, frame, len, shape)) == -EAGAIN && seconds() < end) {
        guest_poll(g);
        usleep(200);
    }
    return ret;
}

static int flow_read(struct guest *g, const struct words *w, struct flow *f)
{
    uint64_t dev = number(w, "dev", 0);

    if (dev >= FE_DEVS_MAX || !g->fe.devs[dev].open || !mac_read(named(w, "dst", NULL), f->dst))
        return -EINVAL;
    memcpy(f->src, g->fe.devs[dev].mac, 6);
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

        ret = send_wait(g, &g->fe.devs[f.dev], frame, len, &f.shape);
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
    struct fe_dev *dev = dev_of(g, w, 1);

    if (dev == NULL || w->n < 3)
        return -EINVAL;
    g->ports[dev - g->fe.devs].poll = strcmp(w->word[2], "on") == 0;
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
    struct fe_dev *dev = dev_of(g, w, 1);

    for (unsigned i = 0; dev != NULL && w->n > 2 && i < 3; i++) {
        if (strcmp(w->word[2], names[i]) == 0) {
            g->ports[dev - g->fe.devs].capture = i;
            return done(0);
        }
    }
    return -EINVAL;
}

// frames N: what was captured, which is forgotten then
static int do_frames(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    struct port *p;

    if (dev == NULL)
        return -EINVAL;
    p = &g->ports[dev - g->fe.devs];
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
    s = &dev->stats;
    printf("{\"ok\":true,\"rx_frames\":%lu,\"rx_bytes\":%lu,\"rx_bad\":%lu,\"tx_frames\":%lu,\"tx_done\":%lu,"
           "\"tx_bad\":%lu,\"flows\":{",
        (unsigned long)s->rx_frames, (unsigned long)s->rx_bytes, (unsigned long)s->rx_bad, (unsigned long)s->tx_frames,
        (unsigned long)s->tx_done, (unsigned long)s->tx_bad);
    books_print(&g->ports[dev - g->fe.devs].books);
    puts("}}");
    return 0;
}

// forget N: begin the books of received flows anew
static int do_forget(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    if (dev == NULL)
        return -EINVAL;
    seq_forget(&g->ports[dev - g->fe.devs].books);
    return done(0);
}

// ring N rx|tx
static int do_ring(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);

    if (r == NULL)
        return -EINVAL;
    printf("{\"ok\":true,\"avail\":%u,\"used\":%u,\"seen\":%u,\"free\":%u}\n", r->vring.avail->idx,
        __atomic_load_n(&r->vring.used->idx, __ATOMIC_ACQUIRE), r->used_seen, r->n_free);
    return 0;
}

// desc N rx|tx INDEX addr= len= flags= next=: addresses count from the mempool's start with pool=1
static int do_desc(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);
    int64_t i = position(w, 3, FE_RING_SIZE);

    if (r == NULL || i < 0)
        return -EINVAL;
    r->vring.desc[i].addr = number(w, "addr", 0) + (number(w, "pool", 0) ? (uintptr_t)r->pool->grant.va : 0);
    r->vring.desc[i].len = number(w, "len", 0);
    r->vring.desc[i].flags = number(w, "flags", 0);
    r->vring.desc[i].next = number(w, "next", 0);
    return done(0);
}

// avail N rx|tx HEAD
static int do_avail(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);
    int64_t head = position(w, 3, 65536);

    if (r == NULL || head < 0)
        return -EINVAL;
    fe_avail_put(r, head);
    return done(0);
}

// hostile N rx|tx KIND
static int do_hostile(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    struct fe_ring *r = ring_of(dev, w, 2);

    return r == NULL || w->n < 4 ? -EINVAL : done(hostile_do(r, r == &dev->rx, w->word[3]));
}

static int do_kinds(struct guest *g, const struct words *w)
{
    const char *name;

    (void)g;
    (void)w;
    printf("{\"ok\":true,\"kinds\":[");
    for (unsigned i = 0; (name = hostile_name(i)) != NULL; i++)
        printf("%s\"%s\"", i == 0 ? "" : ",", name);
    puts("]}");
    return 0;
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

static const struct {
    const char *name;
    int (*run)(struct guest *g, const struct words *w);
} commands[] = {
    { "pool", do_pool },
    { "dev", do_dev },
    { "start", do_start },
    { "stop", do_stop },
    { "mac", do_mac },
    { "write", do_write },
    { "rm", do_rm },
    { "read", do_read },
    { "refs", do_refs },
    { "grant", do_grant },
    { "pair", do_pair },
    { "flag", do_flag },
    { "send", do_send },
    { "sendhex", do_sendhex },
    { "flow", do_flow },
    { "flowstop", do_flowstop },
    { "flows", do_flows },
    { "poll", do_poll },
    { "await", do_await },
    { "idle", do_idle },
    { "capture", do_capture },
    { "frames", do_frames },
    { "report", do_report },
    { "forget", do_forget },
    { "ring", do_ring },
    { "desc", do_desc },
    { "avail", do_avail },
    { "hostile", do_hostile },
    { "kinds", do_kinds },
    { "die", do_die },
    { "quit", do_quit },
};

void command_run(struct guest *g, char *line)
{
    struct words w = { .n = 0 };
    char *rest = NULL;
    int ret = -ENOSYS;

    for (char *t = strtok_r(line, " \t\r", &rest); t != NULL && w.n < WORDS_MAX; t = strtok_r(NULL, " \t\r", &rest))
        w.word[w.n++] = t;
    if (w.n == 0)
        return;
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(w.word[0], commands[i].name) == 0)
            ret = commands[i].run(g, &w);
    }
    if (ret < 0)
        printf("{\"ok\":false,\"errno\":%d,\"error\":\"%s: %s\"}\n", -ret, w.word[0], strerror(-ret));
}
