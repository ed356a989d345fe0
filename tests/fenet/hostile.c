// SPDX-License-Identifier: BSD-3-Clause
#include "hostile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t sometimes(uint32_t now, uint32_t real)
{
    switch (random() % 8) {
    case 0:
        return real + (uint32_t)(random() % 512) - 256;
    case 1:
        return (uint32_t)random() << 1;
    case 2:
        return real;
    default:
        return now;
    }
}

void forge(struct queue *q, uint32_t what)
{
    netif_tx_sring_t *tx = q->tx.sring;
    netif_rx_sring_t *rx = q->rx.sring;

    q->liar = true;
    if ((what & FORGE_TX_RSP_PROD) != 0)
        tx->rsp_prod = sometimes(tx->rsp_prod, q->tx.rsp_cons);
    if ((what & FORGE_RX_RSP_PROD) != 0)
        rx->rsp_prod = sometimes(rx->rsp_prod, q->rx.rsp_cons);
    if ((what & FORGE_REQ_EVENTS) != 0) {
        tx->req_event = sometimes(tx->req_event, q->tx.req_prod_pvt);
        rx->req_event = sometimes(rx->req_event, q->rx.req_prod_pvt);
    }
    if ((what & FORGE_RSP_EVENTS) != 0) {
        tx->rsp_event = sometimes(tx->rsp_event, q->tx.rsp_cons + 1);
        rx->rsp_event = sometimes(rx->rsp_event, q->rx.rsp_cons + 1);
    }
}

// --- kinds ---

static void ask(struct queue *q, uint32_t offset, uint32_t size, uint32_t flags)
{
    union netif_tx_sring_entry slot = { .req = { q->tx_bufs.refs[0], offset, flags, 0, size } };

    queue_put(q, TX, &slot, false);
}

// Requests that were put are all seen at once.
static void tx_push(struct queue *q)
{
    __atomic_store_n(&q->tx.sring->req_prod, q->tx.req_prod_pvt, __ATOMIC_RELEASE);
    queue_kick(q, TX);
}

static void extras(struct queue *q, unsigned n, bool more)
{
    union {
        netif_tx_request_t req;
        netif_extra_info_t extra;
    } slot = {};

    ask(q, 0, 60, NETTXF_extra_info);
    for (unsigned i = 0; i < n; i++) {
        slot.extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
        slot.extra.flags = more || i + 1 < n ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
        queue_put(q, TX, &slot, false);
    }
}

static void offset_past_page(struct queue *q)
{
    ask(q, PAGE - 59, 60, 0);
}

static void offset_ffff(struct queue *q)
{
    ask(q, UINT16_MAX, 60, 0);
}

static void size_past_page(struct queue *q)
{
    ask(q, 0, PAGE + 1, 0);
}

static void size_ffff(struct queue *q)
{
    ask(q, 0, UINT16_MAX, 0);
}

static void sum_negative(struct queue *q)
{
    ask(q, 0, 60, NETTXF_more_data);
    ask(q, 0, 61, 0);
}

static void sum_wraps(struct queue *q)
{
    ask(q, 0, 60, NETTXF_more_data);
    ask(q, 0, UINT16_MAX, NETTXF_more_data);
    ask(q, 0, 2, 0);
}

static void second_past_page(struct queue *q)
{
    ask(q, 0, 200, NETTXF_more_data);
    ask(q, PAGE - 10, 100, 0);
}

static void slots(struct queue *q, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ask(q, 0, i == 0 ? 64 * n : 64, i + 1 < n ? NETTXF_more_data : 0);
}

static void slots_19(struct queue *q)
{
    slots(q, 19);
}

static void slots_100(struct queue *q)
{
    slots(q, 100);
}

static void more_for_ever(struct queue *q)
{
    for (unsigned i = 0; i < 200; i++)
        ask(q, 0, 64, NETTXF_more_data);
}

static void extras_5(struct queue *q)
{
    extras(q, 5, false);
}

static void extras_for_ever(struct queue *q)
{
    extras(q, 150, true);
}

static void tx_by(struct queue *q, uint32_t n)
{
    q->tx.req_prod_pvt += n;
}

static void tx_ahead(struct queue *q)
{
    tx_by(q, SLOTS + 1);
}

static void tx_half(struct queue *q)
{
    tx_by(q, 1u << 31);
}

static void tx_back(struct queue *q)
{
    tx_by(q, -1u);
}

static void rx_by(struct queue *q, uint32_t n)
{
    q->rx.req_prod_pvt += n;
    __atomic_store_n(&q->rx.sring->req_prod, q->rx.req_prod_pvt, __ATOMIC_RELEASE);
    queue_kick(q, RX);
}

static void rx_ahead(struct queue *q)
{
    rx_by(q, SLOTS + 1);
}

static void rx_half(struct queue *q)
{
    rx_by(q, 1u << 31);
}

static void rx_back(struct queue *q)
{
    rx_by(q, -(q->rx.req_prod_pvt - q->rx.rsp_cons) - 1);
}

static const struct {
    const char *name;
    void (*act)(struct queue *q);
} kinds[] = {
    { "offset_past_page", offset_past_page },
    { "offset_ffff", offset_ffff },
    { "size_past_page", size_past_page },
    { "size_ffff", size_ffff },
    { "sum_negative", sum_negative },
    { "sum_wraps", sum_wraps },
    { "second_past_page", second_past_page },
    { "slots_19", slots_19 },
    { "slots_100", slots_100 },
    { "more_for_ever", more_for_ever },
    { "extras_5", extras_5 },
    { "extras_for_ever", extras_for_ever },
    { "tx_ahead", tx_ahead },
    { "tx_half", tx_half },
    { "tx_back", tx_back },
    { "rx_ahead", rx_ahead },
    { "rx_half", rx_half },
    { "rx_back", rx_back },
};

const char *hostile_name(unsigned i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i].name : NULL;
}

int hostile_do(struct queue *q, const char *kind)
{
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        kinds[i].act(q);
        tx_push(q);
        q->broken = true;
        return 0;
    }
    return -EINVAL;
}
