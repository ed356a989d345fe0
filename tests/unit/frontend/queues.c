/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "eal.h"
#include "queues.h"

struct rte_mempool *mp;
struct bounce bounce;
struct windows granted;
struct rxq rx;
struct txq tx;
struct rte_mbuf *pkts[256];
static void *mem;

void queues_setup(void)
{
    struct rte_mempool_memhdr *hdr;

    eal_start();
    mp = eal_pool("pool", 255);
    hdr = STAILQ_FIRST(&mp->mem_list);
    cr_assert_eq(mp->nb_mem_chunks, 1);
    granted = (struct windows){ .n = 1, .w[0] = { (uintptr_t)hdr->addr, hdr->len, POOL_GVA } };
    mem = aligned_alloc(4096, ring_pages(256) * 4096);
    bounce = (struct bounce){ .va = aligned_alloc(4096, 64 * 4096), .gva = BOUNCE_GVA, .count = N };
    memset(bounce.va, 0, 64 * 4096);
    rx.mp = mp;
    rx.n_desc = N;
    rx.port_id = 3;
    tx.n_desc = N;
}

void open_rx(bool direct)
{
    struct bounce no = { 0 };

    cr_assert_eq(rxq_open(&rx, mem, 256, direct ? &no : &bounce, &granted), 0);
}

void open_tx(const struct windows *w)
{
    tx.windows = *w;
    cr_assert_eq(txq_open(&tx, mem, 256, &bounce), 0);
}

uint8_t *host(uint64_t gva)
{
    return gva >= POOL_GVA ? (uint8_t *)granted.w[0].va + (gva - POOL_GVA) : (uint8_t *)bounce.va + (gva - BOUNCE_GVA);
}

void use(struct ring *r, uint32_t id, uint32_t len)
{
    r->used->ring[r->used->idx & (r->size - 1)] = (struct vring_used_elem){ .id = id, .len = len };
    __atomic_store_n(&r->used->idx, r->used->idx + 1, __ATOMIC_RELEASE);
}

void deliver(uint16_t at, uint32_t len, uint8_t first)
{
    uint16_t id = rx.ring.avail->ring[at & 255];
    uint8_t *buf = host(rx.ring.desc[id].addr);

    for (uint32_t i = 0; i < len; i++)
        buf[XENVIRT_NET_HDR_BYTES + i] = first + i;
    use(&rx.ring, id, XENVIRT_NET_HDR_BYTES + len);
}

void expect_frame(const uint8_t *at, uint32_t len, uint8_t first)
{
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(at[i], (uint8_t)(first + i), "byte %u", i);
}

void expect_mbuf(struct rte_mbuf *m, uint32_t len, uint8_t first)
{
    cr_assert_eq(m->pkt_len, len);
    cr_assert_eq(m->data_len, len);
    cr_assert_eq(m->nb_segs, 1);
    cr_assert_eq(m->port, 3);
    expect_frame(rte_pktmbuf_mtod(m, uint8_t *), len, first);
}

unsigned in_use(void)
{
    return rte_mempool_in_use_count(mp);
}
