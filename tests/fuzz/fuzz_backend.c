/* SPDX-License-Identifier: BSD-3-Clause */
// A back end that writes what it likes into the rings and buffers of the guest's driver: the driver's program gets whole
// frames or none, and all its mbufs come back.
#include <rte_ethdev.h>

#include "checksum.h"
#include "eal.h"
#include "input.h"
#include "queue.h"
#include "xenvirt.h"

#define N 32u
#define SIZE 64u // of the rings
#define POOL 511u
#define BOUNCE_GVA (1ull << 40)
#define POOL_GVA (2ull << 40)

static struct rte_mempool *pools[2]; // of mbufs that hold any frame, of mbufs that don't
static struct windows windows[2];
static void *rings[2];
static struct bounce bounce = { .gva = BOUNCE_GVA, .count = N };
static struct rxq rx;
static struct txq tx;

static void setup(void)
{
    eal_start();
    pools[0] = eal_pool("large", POOL);
    pools[1] = rte_pktmbuf_pool_create("small", POOL, 0, 0, RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
    MUST(pools[0] != NULL && pools[1] != NULL);
    for (int i = 0; i < 2; i++) {
        struct rte_mempool_memhdr *hdr = STAILQ_FIRST(&pools[i]->mem_list);

        windows[i] = (struct windows){ .n = 1, .w[0] = { (uintptr_t)hdr->addr, hdr->len, POOL_GVA } };
        rings[i] = aligned_alloc(XENVIRT_PAGE_BYTES, ring_pages(SIZE) * XENVIRT_PAGE_BYTES);
    }
    bounce.va = malloc((size_t)N * BOUNCE_BYTES); // exactly as long, for the sanitizer
    atexit(eal_stop);
}

static void open_queues(uint8_t how)
{
    const struct bounce no = { 0 };
    int small = how >> 1 & 1;

    memset(bounce.va, 0, (size_t)N * BOUNCE_BYTES);
    rx = (struct rxq){ .mp = pools[small], .n_desc = N, .port_id = 3 };
    rx.offloads = (how & 4 ? RTE_ETH_RX_OFFLOAD_SCATTER : 0) | (how & 8 ? RTE_ETH_RX_OFFLOAD_CHECKSUM : 0);
    MUST(rxq_open(&rx, rings[0], SIZE, how & 1 ? &no : &bounce, &windows[small]) == 0);
    tx = (struct txq){ .n_desc = N };
    if (how & 16)
        tx.windows = windows[small];
    MUST(txq_open(&tx, rings[1], SIZE, &bounce) == 0);
}

static void receive(void)
{
    struct rte_mbuf *pkts[2 * N];
    uint16_t n = rxq_burst(&rx)(&rx, pkts, 2 * N);

    MUST(n <= 2 * N);
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len = 0;

        MUST(pkts[i]->pkt_len >= XENVIRT_FRAME_MIN && pkts[i]->pkt_len <= XENVIRT_FRAME_MAX);
        for (struct rte_mbuf *m = pkts[i]; m != NULL; m = m->next) {
            MUST(m->data_len <= m->buf_len - m->data_off);
            len += m->data_len;
        }
        MUST(len == pkts[i]->pkt_len);
        rte_pktmbuf_free(pkts[i]);
    }
}

static void transmit(struct input *in)
{
    struct rte_mbuf *pkts[4];
    uint16_t n = input_below(in, 4) + 1, sent;

    for (uint16_t i = 0; i < n; i++) {
        pkts[i] = eal_frame(pools[0], XENVIRT_FRAME_MIN + input_u16(in) % 1500, 1);
        MUST(pkts[i] != NULL);
    }
    sent = tx_burst(&tx, pkts, n);
    MUST(sent <= n);
    rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

// The back end's words.
static void used_write(struct input *in, struct ring *r)
{
    struct vring_used_elem *e = &r->used->ring[r->used->idx & (SIZE - 1)];
    uint8_t how = input_u8(in);

    // What a right one would say, or nearly that.
    e->id = how & 1 ? r->avail->ring[input_u8(in) & (SIZE - 1)] : input_below(in, 2 * SIZE);
    e->len = how & 2 ? input_u32(in) : XENVIRT_NET_HDR_BYTES + input_u16(in) % (XENVIRT_FRAME_MAX + 16);
    r->used->idx++;
}

static void frame_write(struct input *in)
{
    char *at = bounce.va + (size_t)input_below(in, N) * BOUNCE_BYTES + BOUNCE_HEADER_AT;

    input_bytes(in, at, input_u8(in));
}

static void step(struct input *in)
{
    uint8_t op = input_u8(in);
    struct ring *r = op & 0x80 ? &tx.ring : &rx.ring;
    uint8_t *words = (uint8_t *)r->desc;

    switch (op & 7) {
    case 0:
    case 1:
        used_write(in, r);
        break;
    case 2:
        frame_write(in);
        break;
    case 3:
        r->used->idx = op & 0x40 ? r->used->idx + input_u8(in) : input_u16(in);
        break;
    case 4:
        words[input_u16(in) % (ring_pages(SIZE) * XENVIRT_PAGE_BYTES)] = input_u8(in);
        break;
    case 5:
        tx_reclaim(&tx);
        break;
    case 6:
        transmit(in);
        break;
    default:
        receive();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = { data, n };

    if (pools[0] == NULL)
        setup();
    open_queues(input_u8(&in));
    while (input_more(&in))
        step(&in);
    receive();
    rxq_close(&rx, true);
    txq_close(&tx, true);
    for (int i = 0; i < 2; i++)
        MUST(rte_mempool_in_use_count(pools[i]) == 0);
    return 0;
}
