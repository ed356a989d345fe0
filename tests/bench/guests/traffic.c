/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "traffic.h"

#define WARM_PART 0.2
#define QUIET_SECONDS 0.02 // with no frame and none missing: there is none too many
#define LOST_SECONDS 0.4 // with no frame while some are missing: they won't come any more

void traffic_init(struct traffic *t, struct port *ports)
{
    memset(t, 0, sizeof(*t));
    for (uint16_t i = 0; i < TRAFFIC_SIDES; i++) {
        struct frame_head *h = &t->sides[i].head;

        t->sides[i].port = &ports[i];
        h->eth.dst_addr = ports[i ^ 1].mac;
        h->eth.src_addr = ports[i].mac;
        h->eth.ether_type = rte_cpu_to_be_16(FRAME_ETHERTYPE);
        h->flow = i;
    }
}

static void counters_clear(struct traffic *t)
{
    t->strangers = 0;
    memset(&t->latency, 0, sizeof(t->latency));
    for (unsigned i = 0; i < TRAFFIC_SIDES; i++) {
        struct side *s = &t->sides[i];

        s->sent = s->refused = s->received = s->measured = s->wrong = 0;
    }
}

// A frame came at side `at`.
static void frame_enter(
    struct traffic *t, unsigned at, const struct rte_mbuf *m, const struct traffic_plan *plan, uint64_t now)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    struct frame_head h;
    struct side *from;

    memcpy(&h, frame, sizeof(h));
    if ((h.flow ^ at ^ plan->back) != 1 || m->pkt_len != plan->len || m->nb_segs != 1) {
        t->strangers++;
        return;
    }
    from = &t->sides[h.flow];
    from->received++;
    from->wrong += h.seq < from->expect || h.seq >= from->seq || !frame_whole(frame, plan->len, &from->head, h.seq);
    from->expect = h.seq + 1;
    hist_add(&t->latency, now > h.stamp ? now - h.stamp : 0);
}

static uint16_t side_receive(struct traffic *t, unsigned at, const struct traffic_plan *plan)
{
    struct rte_mbuf *m[TRAFFIC_BURST];
    uint16_t n = rte_eth_rx_burst(t->sides[at].port->id, 0, m, TRAFFIC_BURST);
    uint64_t now = rte_rdtsc();

    if (n == 0)
        return 0;
    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
    for (uint16_t i = 0; i < n; i++)
        frame_enter(t, at, m[i], plan, now);
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

// When frames are due: the k-th at start + k x step.
struct pace {
    uint64_t start;
    uint64_t next; // frame
    double step; // in TSC ticks, 0: always
};

// How many more frames are due, at most a burst.
static uint16_t pace_due(const struct pace *p, uint64_t now)
{
    uint64_t due;

    if (p->step == 0)
        return TRAFFIC_BURST;
    due = (uint64_t)((double)(now - p->start) / p->step) + 1;
    return (uint16_t)RTE_MIN(due - RTE_MIN(due, p->next), (uint64_t)TRAFFIC_BURST);
}

// Write n more frames behind those that wait.
static void side_write(struct side *s, struct pace *p, uint16_t n, uint32_t len, uint64_t now)
{
    struct rte_mbuf **m = s->waiting + s->n_waiting;

    if (n == 0 || rte_pktmbuf_alloc_bulk(s->port->pool, m, n) != 0)
        return;
    for (uint16_t i = 0; i < n; i++) {
        uint64_t stamp = p->step == 0 ? now : p->start + (uint64_t)((double)p->next * p->step);

        m[i]->data_len = (uint16_t)len;
        m[i]->pkt_len = len;
        frame_write(rte_pktmbuf_mtod(m[i], uint8_t *), len, &s->head, s->seq++, stamp);
        p->next++;
    }
    s->n_waiting += n;
}

static void side_send(struct side *s, struct pace *p, uint32_t len)
{
    uint64_t now = rte_rdtsc();
    uint16_t taken;

    side_write(s, p, RTE_MIN(pace_due(p, now), (uint16_t)(TRAFFIC_BURST - s->n_waiting)), len, now);
    if (s->n_waiting == 0)
        return;
    taken = rte_eth_tx_burst(s->port->id, 0, s->waiting, s->n_waiting);
    s->refused += taken < s->n_waiting;
    s->sent += taken;
    s->n_waiting -= taken;
    memmove(s->waiting, s->waiting + taken, s->n_waiting * sizeof(s->waiting[0]));
}

static void exchange(struct traffic *t, struct pace *paces, const struct traffic_plan *plan, uint64_t until)
{
    while (rte_rdtsc() < until) {
        for (unsigned i = 0; i < TRAFFIC_SIDES; i++) {
            side_receive(t, i, plan);
            side_send(&t->sides[i], &paces[i], plan->len);
        }
    }
}

// What was written and not sent is as if it had never been.
static void waiting_drop(struct side *s)
{
    rte_pktmbuf_free_bulk(s->waiting, s->n_waiting);
    s->seq -= s->n_waiting;
    s->n_waiting = 0;
}

static bool missing(const struct traffic *t)
{
    return t->sides[0].received + t->sides[1].received < t->sides[0].sent + t->sides[1].sent;
}

static void drain(struct traffic *t, const struct traffic_plan *plan)
{
    uint64_t hz = rte_get_tsc_hz(), last = rte_rdtsc();

    while ((double)(rte_rdtsc() - last) < (double)hz * (missing(t) ? LOST_SECONDS : QUIET_SECONDS)) {
        for (unsigned i = 0; i < TRAFFIC_SIDES; i++) {
            if (side_receive(t, i, plan) > 0)
                last = rte_rdtsc();
            rte_eth_tx_done_cleanup(t->sides[i].port->id, 0, 0);
        }
    }
}

void traffic_run(struct traffic *t, const struct traffic_plan *plan)
{
    double hz = (double)rte_get_tsc_hz();
    uint64_t start = rte_rdtsc(), warm = start + (uint64_t)(plan->seconds * WARM_PART * hz);
    uint64_t end = start + (uint64_t)(plan->seconds * hz);
    struct pace paces[TRAFFIC_SIDES];

    for (unsigned i = 0; i < TRAFFIC_SIDES; i++)
        paces[i] = (struct pace){ .start = start, .step = plan->rate > 0 ? hz / plan->rate : 0 };
    counters_clear(t);
    exchange(t, paces, plan, warm);
    memset(&t->latency, 0, sizeof(t->latency));
    for (unsigned i = 0; i < TRAFFIC_SIDES; i++)
        t->sides[i].measured = t->sides[i].received;
    warm = rte_rdtsc();
    exchange(t, paces, plan, end);
    t->seconds = (double)(rte_rdtsc() - warm) / hz;
    for (unsigned i = 0; i < TRAFFIC_SIDES; i++) {
        t->sides[i].measured = t->sides[i].received - t->sides[i].measured;
        waiting_drop(&t->sides[i]);
    }
    drain(t, plan);
}
