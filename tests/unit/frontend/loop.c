/* SPDX-License-Identifier: BSD-3-Clause */
// loop: a guest's program that sends frames through port 0 and expects every one of them back, unchanged and in order.
//
// usage: loop EAL-ARGUMENTS -- granted|plain FRAMES [LENGTH]. Without LENGTH, 60 to 1514 bytes, one to four segments.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "rte_eth_xenvirt.h"

#define MBUFS 1023 // granted, these fit the 1,024 pages that a guest may grant by default
#define BURST 32
#define AHEAD 128 // frames in flight at most

static struct rte_mempool *pool;
static unsigned length;

static uint32_t frame_len(uint64_t i)
{
    return length != 0 ? length : 60 + i * 7919 % 1455;
}

static void frame_fill(uint8_t *at, uint32_t len, uint64_t i)
{
    memset(at, (uint8_t)i, len);
    memcpy(at + 14, &i, sizeof(i));
}

static struct rte_mbuf *frame_make(uint64_t i)
{
    uint32_t len = frame_len(i), segs = length != 0 ? 1 : 1 + i % 4, done = 0;
    struct rte_mbuf *first = NULL;
    uint8_t data[2048];

    frame_fill(data, len, i);
    for (uint32_t s = 0; s < segs; s++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
        uint32_t n = s + 1 == segs ? len - done : len / segs;

        if (m == NULL)
            rte_exit(1, "no mbuf\n");
        memcpy(rte_pktmbuf_append(m, n), data + done, n);
        done += n;
        if (first == NULL)
            first = m;
        else
            rte_pktmbuf_chain(first, m);
    }
    return first;
}

static void frame_check(struct rte_mbuf *m, uint64_t i)
{
    uint8_t data[2048];

    frame_fill(data, frame_len(i), i);
    if (m->pkt_len != frame_len(i) || memcmp(rte_pktmbuf_mtod(m, void *), data, m->pkt_len) != 0)
        rte_exit(1, "frame %lu came back changed, %u bytes\n", i, m->pkt_len);
    rte_pktmbuf_free(m);
}

static uint64_t send_some(uint64_t sent, uint64_t got, uint64_t frames)
{
    uint64_t n = RTE_MIN(RTE_MIN(frames - sent, AHEAD - (sent - got)), (uint64_t)BURST);
    struct rte_mbuf *m[BURST];
    uint16_t done;

    for (uint64_t i = 0; i < n; i++)
        m[i] = frame_make(sent + i);
    done = rte_eth_tx_burst(0, 0, m, n);
    rte_pktmbuf_free_bulk(m + done, n - done);
    return done;
}

static void run(uint64_t frames)
{
    uint64_t sent = 0, got = 0, start = rte_get_timer_cycles(), last = start;
    struct rte_mbuf *m[BURST];

    while (got < frames) {
        sent += send_some(sent, got, frames);
        uint16_t n = rte_eth_rx_burst(0, 0, m, BURST);

        for (uint16_t i = 0; i < n; i++)
            frame_check(m[i], got++);
        if (n > 0)
            last = rte_get_timer_cycles();
        else if (rte_get_timer_cycles() - last > 5 * rte_get_timer_hz())
            rte_exit(1, "frame %lu of %lu is lost\n", got, frames);
    }
    printf(
        "%lu frames, %.2f million a second\n", got, got * rte_get_timer_hz() / 1e6 / (rte_get_timer_cycles() - start));
}

static void setup(void)
{
    struct rte_eth_conf conf = { .txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS };

    if (rte_eth_dev_configure(0, 1, 1, &conf) != 0 || rte_eth_rx_queue_setup(0, 0, 256, 0, NULL, pool) != 0 ||
        rte_eth_tx_queue_setup(0, 0, 256, 0, NULL) != 0 || rte_eth_dev_start(0) != 0)
        rte_exit(1, "can't start port 0\n");
}

static void link_wait(void)
{
    struct rte_eth_link link = { 0 };

    for (int i = 0; i < 500 && !link.link_status; i++) {
        rte_delay_ms(10);
        if (rte_eth_link_get_nowait(0, &link) < 0)
            rte_exit(1, "port 0 says nothing of its link\n");
    }
    if (!link.link_status)
        rte_exit(1, "no link\n");
}

int main(int argc, char **argv)
{
    int n = rte_eal_init(argc, argv);
    bool granted;

    if (n < 0 || argc - n < 3)
        rte_exit(1, "usage: loop EAL-ARGUMENTS -- granted|plain FRAMES [LENGTH]\n");
    granted = strcmp(argv[n + 1], "granted") == 0;
    length = argc - n > 3 ? atoi(argv[n + 3]) : 0;
    pool = granted ? rte_pktmbuf_pool_gntalloc_create("pool", MBUFS, 32, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0)
                   : rte_pktmbuf_pool_create("pool", MBUFS, 32, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    if (pool == NULL)
        rte_exit(1, "no mempool: %s\n", rte_strerror(rte_errno));
    for (int round = 0; round < 2; round++) { // the second after a stop and a start
        setup();
        link_wait();
        run(strtoul(argv[n + 2], NULL, 0));
        rte_eth_dev_stop(0);
    }
    rte_eth_dev_close(0);
    if (rte_mempool_avail_count(pool) != MBUFS)
        rte_exit(1, "%u mbufs are lost\n", MBUFS - rte_mempool_avail_count(pool));
    if (granted && rte_mempool_gntalloc_free(pool) != 0)
        rte_exit(1, "can't free the mempool\n");
    return rte_eal_cleanup();
}
