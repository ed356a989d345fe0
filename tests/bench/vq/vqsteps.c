/* SPDX-License-Identifier: BSD-3-Clause */
// vqsteps CPU BLOCKS BYTES: each step of our bursts timed alone, bursts of 32 frames, warm. Prints a line a step: cycles
// (TSC) a frame, the median of the blocks.
//
// The steps are burst_body.h's own, with the rings of ring_virtio.c, which is part of this file. The clock between them keeps one step from beginning
// before the one before is done, so their sum is more than what the burst takes without it.
#include <stdio.h>

#include "clock.h"
#include "ring_virtio.c"
#include "side.h"
#include "side_xv.h"

#define BURST FABRIC_BURST
#define BLOCK_BURSTS 32u
#define BLOCKS_MAX 2048u

#define STEPS(S) S(reclaim) S(fetch) S(route) S(lane) S(ledger) S(take) S(deliver) S(ledger2)
#define STEP_ENUM(name) STEP_##name,
#define STEP_NAME(name) #name,
enum step { STEPS(STEP_ENUM) STEP_COUNT };
static const char *const names[] = { STEPS(STEP_NAME) };

static uint64_t cycles[STEP_COUNT][BLOCKS_MAX]; // of whole blocks
static uint32_t block;
static uint64_t clock_cycles, began;

// The clock runs from a step's begin to its end.
static inline void begin(void)
{
    began = clock_read();
}

static inline void end(enum step step)
{
    uint64_t took = clock_read() - began;

    cycles[step][block] += took > clock_cycles ? took - clock_cycles : 0;
}

// As vif_from_guest(), where nothing goes wrong.
static uint32_t steps_from_guest(struct vif *v, struct source *s)
{
    struct from_guest b;
    struct ring_pos *pos;
    uint32_t n;

    begin();
    source_reclaim(s);
    end(STEP_reclaim);
    begin();
    pos = ledger_begin(v->from);
    end(STEP_ledger);
    begin();
    n = virtio_pending(&v->tx, pos->next);
    n = frames_fetch(&ring_virtio, v, s, &b, n, pos);
    end(STEP_fetch);
    begin();
    frames_route(v, s, &b, n, pos);
    end(STEP_route);
    begin();
    frames_put(s, &b.out, pos);
    end(STEP_lane);
    begin();
    from_guest_publish(&ring_virtio, v, s, pos);
    end(STEP_ledger);
    return n;
}

// As vif_to_guest(), where nothing goes wrong.
static uint32_t steps_to_guest(struct vif *v)
{
    struct sink_frame frames[FABRIC_BURST];
    struct ring_pos *pos;
    uint32_t n;

    begin();
    n = sink_look(&v->sink, false) ? sink_take(&v->sink, frames, FABRIC_BURST) : 0;
    end(STEP_take);
    begin();
    pos = ledger_begin(v->to);
    end(STEP_ledger2);
    begin();
    n = virtio_pending(&v->rx, pos->next) < n ? 0 : n;
    frames_deliver(&ring_virtio, v, frames, n, pos);
    end(STEP_deliver);
    begin();
    to_guest_publish(&ring_virtio, v, pos);
    end(STEP_ledger2);
    return n;
}

static void block_run(struct guest *g)
{
    for (enum step i = 0; i < STEP_COUNT; i++)
        cycles[i][block] = 0;
    for (uint32_t i = 0; i < BLOCK_BURSTS; i++) {
        guest_send(g, BURST);
        g->wrong += steps_from_guest(&xv_vifs[XV_SENDER], &xv_source) != BURST;
        g->wrong += steps_to_guest(&xv_vifs[XV_RECEIVER]) != BURST;
        guest_check(g, BURST);
    }
}

int main(int argc, char **argv)
{
    static struct guest g;
    uint32_t n = argc == 4 ? (uint32_t)atoi(argv[2]) : 0, bytes = argc == 4 ? (uint32_t)atoi(argv[3]) : 0;

    if (n == 0 || n > BLOCKS_MAX || bytes < 18 || bytes > GUEST_ROOM) {
        fprintf(stderr, "usage: vqsteps CPU BLOCKS BYTES\n");
        return 2;
    }
    eal_start(argv[1], true);
    guest_new(&g);
    side_xv.open(&g);
    clock_cycles = clock_overhead();
    guest_start(&g, GUEST_ONE_DESC, bytes);
    side_xv.start();
    block_run(&g);
    for (block = 0; block < n; block++)
        block_run(&g);
    for (enum step i = 0; i < STEP_COUNT; i++)
        printf("%s %.2f\n", names[i], (double)clock_median(cycles[i], n) / (BLOCK_BURSTS * BURST));
    if (g.wrong > 0)
        fprintf(stderr, "vqsteps: %u times not as it must be\n", g.wrong);
    return g.wrong > 0;
}
