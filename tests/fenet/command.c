// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fe.h"
#include "hostile.h"

// The queue that queue= names, of the device that word 1 names. NULL: none.
static struct queue *queue_of(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    uint64_t i = number(w, "queue", 0);

    return dev == NULL || i >= dev->n_queues ? NULL : &dev->queues[i];
}

// Word i is "rx" or "tx". Returns an enum ring_kind or -1.
static int kind_of(const struct words *w, unsigned i)
{
    if (i >= w->n)
        return -1;
    if (strcmp(w->word[i], "rx") == 0)
        return RX;
    return strcmp(w->word[i], "tx") == 0 ? TX : -1;
}

static int do_dev(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    struct fe_config c = { .queues = number(w, "queues", 1),
        .bufs = number(w, "bufs", SLOTS),
        .split = number(w, "split", 1),
        .sleeps = number(w, "sleep", 1),
        .mcast = number(w, "mcast", 0) };

    if (n < 0)
        return -EINVAL;
    g->ports[n].poll = true;
    return done(fe_dev_open(g->fe, n, &c));
}

static int do_publish(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL ? -EINVAL : done(fe_dev_publish(g->fe, dev));
}

static int do_start(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL ? -EINVAL : done(fe_dev_start(g->fe, dev));
}

static int do_close(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    if (dev == NULL)
        return -EINVAL;
    fe_dev_close(dev);
    return done(0);
}

// write N KEY [VALUE]
static int do_write(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    const char *value = w->n > 3 ? w->word[3] : "";

    return n < 0 || w->n < 3 ? -EINVAL : done(fe_key_write(g->fe, n, w->word[2], value, strlen(value)));
}

// writehex N KEY HEX
static int do_writehex(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    uint8_t value[4096];
    size_t len = 0;

    if (n < 0 || w->n < 4)
        return -EINVAL;
    while (len < sizeof(value) && sscanf(w->word[3] + 2 * len, "%2hhx", &value[len]) == 1)
        len++;
    return done(fe_key_write(g->fe, n, w->word[2], value, len));
}

static int do_read(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    char *value;
    int ret = n < 0 || w->n < 3 ? -EINVAL : fe_key_read(g->fe, n, w->word[2], &value);

    if (ret < 0)
        return ret;
    printf("{\"ok\":true,\"value\":\"%s\"}\n", value);
    free(value);
    return 0;
}

// rm N [KEY]: without, all of the device
static int do_rm(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);

    return n < 0 ? -EINVAL : done(fe_key_remove(g->fe, n, w->n > 2 ? w->word[2] : ""));
}

// flap N COUNT: states in any order, as fast as XenStore takes them
static int do_flap(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX), count = position(w, 2, 1u << 20);
    int ret = n < 0 || count < 0 ? -EINVAL : 0;

    for (; ret == 0 && count > 0; count--)
        ret = fe_key_write(g->fe, n, "state", &"1234567"[random() % 7], 1);
    return done(ret);
}

static void refs_print(const char *name, const uint32_t *refs, uint32_t n)
{
    printf(",\"%s\":[", name);
    for (uint32_t i = 0; i < n; i++)
        printf("%s%u", i == 0 ? "" : ",", refs[i]);
    printf("]");
}

static int do_refs(struct guest *g, const struct words *w)
{
    const struct queue *q = queue_of(g, w);

    if (q == NULL)
        return -EINVAL;
    printf("{\"ok\":true");
    refs_print("rings", q->refs, 2);
    refs_print("ports", q->ports, 2);
    refs_print("tx", q->tx_bufs.refs, SLOTS);
    refs_print("rx", q->rx_bufs.refs, SLOTS);
    puts("}");
    return 0;
}

// grant I [pages=1]: pages for no purpose
static int do_grant(struct guest *g, const struct words *w)
{
    int64_t i = position(w, 1, SPARES_MAX);
    struct spare *s = i < 0 ? NULL : &g->fe->spares[i];
    uint64_t n = number(w, "pages", 1);

    if (s == NULL || s->va != NULL || n == 0 || n > SLOTS)
        return -EINVAL;
    s->va = xengntshr_share_pages(g->fe->shr, 0, n, s->refs, 1);
    if (s->va == NULL)
        return -errno;
    s->n = n;
    printf("{\"ok\":true");
    refs_print("refs", s->refs, n);
    puts("}");
    return 0;
}

// revoke I
static int do_revoke(struct guest *g, const struct words *w)
{
    int64_t i = position(w, 1, SPARES_MAX);
    struct spare *s = i < 0 ? NULL : &g->fe->spares[i];

    if (s == NULL || s->va == NULL)
        return -EINVAL;
    if (xengntshr_unshare(g->fe->shr, s->va, s->n) < 0)
        return -errno;
    s->va = NULL;
    return done(0);
}

// port [domid=0]: one more event channel, nobody's
static int do_port(struct guest *g, const struct words *w)
{
    int port = xenevtchn_bind_unbound_port(g->fe->evt, number(w, "domid", 0));

    if (port < 0)
        return -errno;
    printf("{\"ok\":true,\"port\":%d}\n", port);
    return 0;
}

static int do_ring(struct guest *g, const struct words *w)
{
    const struct queue *q = queue_of(g, w);

    if (q == NULL)
        return -EINVAL;
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t *head = (const uint32_t *)(q->pages + i * PAGE);

        printf("%s\"%s\":{\"req_prod\":%u,\"req_event\":%u,\"rsp_prod\":%u,\"rsp_event\":%u,\"cons\":%u}",
            i == TX ? "{\"ok\":true," : ",", i == TX ? "tx" : "rx", head[0], head[1], head[2], head[3],
            i == TX ? q->tx.rsp_cons : q->rx.rsp_cons);
    }
    puts("}");
    return 0;
}

// index N rx|tx req_prod|req_event|rsp_prod|rsp_event [+|-]VALUE: with a sign more or less than it is
static int do_index(struct guest *g, const struct words *w)
{
    static const char *const names[] = { "req_prod", "req_event", "rsp_prod", "rsp_event" };
    struct queue *q = queue_of(g, w);
    int kind = kind_of(w, 2);

    for (unsigned i = 0; q != NULL && kind >= 0 && w->n > 4 && i < 4; i++) {
        uint32_t *at = (uint32_t *)(q->pages + kind * PAGE) + i;
        bool more = w->word[4][0] == '+' || w->word[4][0] == '-';

        if (strcmp(w->word[3], names[i]) != 0)
            continue;
        __atomic_store_n(at, (more ? *at : 0) + (uint32_t)strtoll(w->word[4], NULL, 0), __ATOMIC_RELEASE);
        q->liar = true;
        return done(0);
    }
    return -EINVAL;
}

// request N gref= [offset=0] [flags=0] [id=0] [size=60] [push=1]: a slot of the transmit ring, in no book
static int do_request(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);
    union netif_tx_sring_entry slot = { .req = { .gref = number(w, "gref", 0),
                                            .offset = number(w, "offset", 0),
                                            .flags = number(w, "flags", 0),
                                            .id = number(w, "id", 0),
                                            .size = number(w, "size", 60) } };

    if (q == NULL)
        return -EINVAL;
    q->liar = true;
    queue_put(q, TX, &slot, number(w, "push", 1));
    return done(0);
}

// extra N [type=1] [flags=0] [push=1]: a slot of extra information, in no book
static int do_extra(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);
    union {
        union netif_tx_sring_entry entry; // of a slot's size
        netif_extra_info_t extra;
    } slot = {};

    if (q == NULL)
        return -EINVAL;
    slot.extra.type = number(w, "type", XEN_NETIF_EXTRA_TYPE_GSO);
    slot.extra.flags = number(w, "flags", 0);
    q->liar = true;
    queue_put(q, TX, &slot, number(w, "push", 1));
    return done(0);
}

// room N gref= [id=0]: a slot of the receive ring, in no book
static int do_room(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);
    netif_rx_request_t req = { .gref = number(w, "gref", 0), .id = number(w, "id", 0) };

    if (q == NULL)
        return -EINVAL;
    q->liar = true;
    queue_put(q, RX, &req, true);
    return done(0);
}

// kick N rx|tx [count=1]
static int do_kick(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);
    int kind = kind_of(w, 2);

    if (q == NULL || kind < 0)
        return -EINVAL;
    for (uint64_t n = number(w, "count", 1); n > 0; n--)
        queue_kick(q, kind);
    return done(0);
}

// mcast N add|del MAC
static int do_mcast(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);
    uint8_t mac[6];

    if (q == NULL || w->n < 4 || !mac_read(w->word[3], mac))
        return -EINVAL;
    return done(queue_mcast(q, strcmp(w->word[2], "add") == 0, mac));
}

// hostile N KIND
static int do_hostile(struct guest *g, const struct words *w)
{
    struct queue *q = queue_of(g, w);

    return q == NULL || w->n < 3 ? -EINVAL : done(hostile_do(q, w->word[2]));
}

// forge N BITS
static int do_forge(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    int64_t bits = position(w, 2, 16);

    if (dev == NULL || bits < 0)
        return -EINVAL;
    dev->forge = bits;
    return done(0);
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

const struct command fenet_commands[] = {
    { "dev", do_dev },
    { "publish", do_publish },
    { "start", do_start },
    { "close", do_close },
    { "write", do_write },
    { "writehex", do_writehex },
    { "read", do_read },
    { "rm", do_rm },
    { "flap", do_flap },
    { "refs", do_refs },
    { "grant", do_grant },
    { "revoke", do_revoke },
    { "port", do_port },
    { "ring", do_ring },
    { "index", do_index },
    { "request", do_request },
    { "extra", do_extra },
    { "room", do_room },
    { "kick", do_kick },
    { "mcast", do_mcast },
    { "hostile", do_hostile },
    { "forge", do_forge },
    { "kinds", do_kinds },
    { NULL, NULL },
};
