/* SPDX-License-Identifier: BSD-3-Clause */
// The limit: the copies alone, of the same frames between the same buffers. Where they stand is known, the rings are
// neither read nor written while the clock runs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crossbar.h"
#include "side.h"

#define BURST_MAX 32u

static const struct guest *guest;
static uint8_t *base; // the switch's mapping of the guest
static uint8_t *between; // the switch's buffers: as with the others, those that were used last
static uint16_t next;

static void copy_open(const struct guest *g)
{
    guest = g;
    base = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->fd, 0);
    between = aligned_alloc(4096, (fabric_buf_at(BURST_MAX) + 4095) / 4096 * 4096);
    if (base == MAP_FAILED || between == NULL) {
        perror("copy");
        exit(2);
    }
}

static void copy_start(void)
{
    next = 0;
}

static const uint8_t *tx_frame(uint32_t i)
{
    return base + guest_tx_at(guest_tx_buf(guest, (uint16_t)(next + i)));
}

static uint8_t *rx_frame(uint32_t i)
{
    return base + guest_rx_at((next + i) % GUEST_RING);
}

static uint32_t copy_nothing(uint32_t burst)
{
    return burst;
}

static uint32_t copy_across(uint32_t burst)
{
    for (uint32_t i = 0; i < burst; i++)
        memcpy(rx_frame(i), tx_frame(i), guest->len);
    return burst;
}

static uint32_t copy_out(uint32_t burst)
{
    for (uint32_t i = 0; i < burst; i++)
        memcpy(between + fabric_buf_at(i), tx_frame(i), guest->len);
    return burst;
}

static uint32_t copy_in(uint32_t burst)
{
    for (uint32_t i = 0; i < burst; i++)
        memcpy(rx_frame(i), between + fabric_buf_at(i), guest->len);
    return burst;
}

// What the steps left out.
static void copy_publish(uint32_t burst)
{
    for (uint32_t i = 0; i < burst; i++, next++) {
        uint32_t at = next % GUEST_RING, buf = guest_tx_buf(guest, next);

        memset(base + guest_rx_at(at) - GUEST_HDR_BYTES, 0, GUEST_HDR_BYTES);
        guest->rx.used->ring[at] = (struct vring_used_elem){ at, GUEST_HDR_BYTES + guest->len };
        guest->tx.used->ring[at] = (struct vring_used_elem){ guest->layout == GUEST_TWO_DESC ? 2 * buf : buf, 0 };
    }
    guest->rx.used->idx = guest->tx.used->idx = next;
}

const struct side side_copy = {
    .name = "copy",
    .open = copy_open,
    .start = copy_start,
    .from_guest = copy_nothing,
    .to_guest = copy_across,
    .publish = copy_publish,
};

const struct side side_copy2 = {
    .name = "copy2",
    .open = copy_open,
    .start = copy_start,
    .from_guest = copy_out,
    .to_guest = copy_in,
    .publish = copy_publish,
};
