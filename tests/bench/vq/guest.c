/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define NUMBER_AT 14u // of the frame: its number, then a pattern that begins at a place that depends on the number
#define PATTERN_AT (NUMBER_AT + 4u)
#define PATTERNS 61u

const uint8_t guest_src[6] = { 2, 0, 0, 0, 0, 1 }, guest_dst[6] = { 2, 0, 0, 0, 0, 2 };
static uint8_t pattern[GUEST_ROOM + PATTERNS];

void guest_new(struct guest *g)
{
    uint32_t x = 1;

    *g = (struct guest){ .fd = memfd_create("guest", MFD_CLOEXEC) };
    if (g->fd < 0 || ftruncate(g->fd, GUEST_BYTES) < 0) {
        perror("guest memory");
        exit(2);
    }
    g->base = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->fd, 0);
    if (g->base == MAP_FAILED) {
        perror("guest memory");
        exit(2);
    }
    vring_init(&g->rx, GUEST_RING, g->base, 4096);
    vring_init(&g->tx, GUEST_RING, g->base + GUEST_RING_BYTES, 4096);
    for (uint32_t i = 0; i < sizeof(pattern); i++) {
        x = x * 1664525u + 1013904223u;
        pattern[i] = (uint8_t)(x >> 24);
    }
}

static uint64_t gva(uint32_t at)
{
    return GUEST_GVA + at - 2 * GUEST_RING_BYTES;
}

static void rx_post(struct guest *g, uint16_t id)
{
    g->rx.desc[id] = (struct vring_desc){
        .addr = gva(guest_rx_at(id) - GUEST_HDR_BYTES), .len = GUEST_HDR_BYTES + GUEST_ROOM, .flags = VRING_DESC_F_WRITE
    };
    g->rx.avail->ring[g->rx_next++ % GUEST_RING] = id;
}

static void rx_publish(struct guest *g)
{
    __atomic_store_n(&g->rx.avail->idx, g->rx_next, __ATOMIC_RELEASE);
}

void guest_start(struct guest *g, enum guest_layout layout, uint32_t len)
{
    memset(g->base, 0, 2 * GUEST_RING_BYTES);
    g->layout = layout;
    g->len = len;
    g->tx_next = g->rx_next = g->tx_seen = g->rx_seen = 0;
    g->sent = g->got = 0;
    g->tx.avail->flags = g->rx.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    for (uint16_t id = 0; id < GUEST_RING; id++)
        rx_post(g, id);
    rx_publish(g);
}

static void frame_fill(uint8_t *frame, uint32_t len, uint32_t number)
{
    memcpy(frame, guest_dst, 6);
    memcpy(frame + 6, guest_src, 6);
    frame[12] = 0x08;
    frame[13] = 0x00; // as IPv4's, which most frames are
    memcpy(frame + NUMBER_AT, &number, 4);
    memcpy(frame + PATTERN_AT, pattern + number % PATTERNS, len - PATTERN_AT);
}

static bool frame_good(const uint8_t *frame, uint32_t len, uint32_t number)
{
    return memcmp(frame, guest_dst, 6) == 0 && memcmp(frame + 6, guest_src, 6) == 0 && frame[12] == 0x08 &&
           frame[13] == 0x00 && memcmp(frame + NUMBER_AT, &number, 4) == 0 &&
           memcmp(frame + PATTERN_AT, pattern + number % PATTERNS, len - PATTERN_AT) == 0;
}

static void chain_send(struct guest *g, uint32_t buf)
{
    uint32_t at = guest_tx_at(buf);
    uint16_t head = (uint16_t)buf;

    memset(g->base + at - GUEST_HDR_BYTES, 0, GUEST_HDR_BYTES);
    if (g->layout == GUEST_ONE_DESC) {
        g->tx.desc[head] = (struct vring_desc){ .addr = gva(at - GUEST_HDR_BYTES), .len = GUEST_HDR_BYTES + g->len };
    } else {
        head = (uint16_t)(2 * buf);
        g->tx.desc[head] = (struct vring_desc){
            .addr = gva(at - GUEST_HDR_BYTES), .len = GUEST_HDR_BYTES, .flags = VRING_DESC_F_NEXT, .next = head + 1
        };
        g->tx.desc[head + 1] = (struct vring_desc){ .addr = gva(at), .len = g->len };
    }
    g->tx.avail->ring[g->tx_next++ % GUEST_RING] = head;
}

void guest_send(struct guest *g, uint32_t n)
{
    while (n-- > 0) {
        uint32_t buf = guest_tx_buf(g, g->tx_next);

        frame_fill(g->base + guest_tx_at(buf), g->len, g->sent++);
        chain_send(g, buf);
    }
    __atomic_store_n(&g->tx.avail->idx, g->tx_next, __ATOMIC_RELEASE);
}

static bool used_good(const struct vring *ring, uint16_t at, uint32_t id, uint32_t len)
{
    const struct vring_used_elem *e = &ring->used->ring[at % GUEST_RING];

    return e->id == id && e->len == len;
}

static bool rx_good(const struct guest *g, uint16_t id)
{
    static const uint8_t zero[GUEST_HDR_BYTES];
    const uint8_t *frame = g->base + guest_rx_at(id);

    return used_good(&g->rx, g->rx_seen, id, GUEST_HDR_BYTES + g->len) && frame_good(frame, g->len, g->got) &&
           memcmp(frame - GUEST_HDR_BYTES, zero, GUEST_HDR_BYTES) == 0;
}

void guest_check(struct guest *g, uint32_t n)
{
    g->wrong += (uint16_t)(__atomic_load_n(&g->rx.used->idx, __ATOMIC_ACQUIRE) - g->rx_seen) != n;
    g->wrong += (uint16_t)(__atomic_load_n(&g->tx.used->idx, __ATOMIC_ACQUIRE) - g->tx_seen) != n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t buf = guest_tx_buf(g, g->tx_seen);
        uint16_t id = g->rx_seen % GUEST_RING;

        g->wrong += !used_good(&g->tx, g->tx_seen, g->layout == GUEST_TWO_DESC ? 2 * buf : buf, 0);
        g->wrong += !rx_good(g, id);
        rx_post(g, id);
        g->tx_seen++;
        g->rx_seen++;
        g->got++;
    }
    rx_publish(g);
}
