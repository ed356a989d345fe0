/* SPDX-License-Identifier: BSD-3-Clause */
// vqsteps CPU BLOCKS MODE BYTES BURST: each step of our bursts alone. Prints a line a step: cycles (TSC) a frame, the
// median of the blocks. MODE: see vqbench.c; "plain" is for callgrind, which counts what step_*() and all below them
// take.
//
// The steps are burst_body.h's own, with the rings of ring_virtio.c, which is part of this file. The clock between them
// keeps one step from beginning before the one before is done, so their sum is more than what the burst takes without
// it.
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ring_virtio.c"
#include "side.h"
#include "side_xv.h"

#define BLOCK_FRAMES 1024u
#define BLOCKS_MAX 2048u

#define STEPS(S) \
    S(reclaim) S(begin_from) S(fetch) S(route) S(lane) S(publish_from) S(take) S(begin_to) S(deliver) S(publish_to)
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

#define STEP(name, ...) \
    do { \
        begin(); \
        __VA_ARGS__; \
        end(STEP_##name); \
    } while (0)

#define STEP_FUNCTION static __attribute__((noinline, noclone))

STEP_FUNCTION void step_reclaim(struct source *s)
{
    if (source_in_use(s) >= FABRIC_BURST)
        source_reclaim(s);
}

STEP_FUNCTION struct ring_pos *step_begin_from(struct vif *v)
{
    return ledger_begin(v->from);
}

STEP_FUNCTION uint32_t step_fetch(struct vif *v, struct source *s, struct from_guest *b, struct ring_pos *pos)
{
    return frames_fetch(&ring_virtio, v, s, b, virtio_pending(&v->tx, pos->next), pos);
}

STEP_FUNCTION void step_route(struct vif *v, struct source *s, struct from_guest *b, uint32_t n, struct ring_pos *pos)
{
    frames_route(&ring_virtio, v, s, b, n, pos);
}

STEP_FUNCTION void step_lane(struct source *s, const struct source_burst *b, struct ring_pos *pos)
{
    frames_put(s, b, pos);
}

STEP_FUNCTION void step_publish_from(struct vif *v, struct source *s, const struct ring_pos *pos)
{
    from_guest_publish(&ring_virtio, v, s, pos);
}

STEP_FUNCTION uint32_t step_take(struct vif *v, struct sink_frame *frames)
{
    return sink_look(&v->sink, false) ? sink_take(&v->sink, frames, FABRIC_BURST) : 0;
}

STEP_FUNCTION struct ring_pos *step_begin_to(struct vif *v)
{
    return ledger_begin(v->to);
}

STEP_FUNCTION uint32_t step_deliver(struct vif *v, const struct sink_frame *frames, uint32_t n, struct ring_pos *pos)
{
    if (virtio_pending(&v->rx, pos->next) < n)
        return 0;
    frames_deliver(&ring_virtio, v, frames, n, pos);
    return n;
}

STEP_FUNCTION void step_publish_to(struct vif *v, const struct ring_pos *pos)
{
    to_guest_publish(&ring_virtio, v, pos);
}

// As vif_from_guest(), where nothing goes wrong.
static uint32_t steps_from_guest(struct vif *v, struct source *s)
{
    struct from_guest b;
    struct ring_pos *pos;
    uint32_t n;

    STEP(reclaim, step_reclaim(s));
    STEP(begin_from, pos = step_begin_from(v));
    STEP(fetch, n = step_fetch(v, s, &b, pos));
    STEP(route, step_route(v, s, &b, n, pos));
    STEP(lane, step_lane(s, &b.out, pos));
    STEP(publish_from, step_publish_from(v, s, pos));
    return n;
}

// As vif_to_guest(), where nothing goes wrong.
static uint32_t steps_to_guest(struct vif *v)
{
    struct sink_frame frames[FABRIC_BURST];
    struct ring_pos *pos;
    uint32_t n;

    STEP(take, n = step_take(v, frames));
    STEP(begin_to, pos = step_begin_to(v));
    STEP(deliver, n = step_deliver(v, frames, n, pos));
    STEP(publish_to, step_publish_to(v, pos));
    return n;
}

static void block_run(struct guest *g, uint32_t burst)
{
    for (enum step i = 0; i < STEP_COUNT; i++)
        cycles[i][block] = 0;
    for (uint32_t n = 0; n < BLOCK_FRAMES; n += burst) {
        guest_send(g, burst);
        g->wrong += steps_from_guest(&xv_vifs[XV_SENDER], &xv_source) != burst;
        g->wrong += steps_to_guest(&xv_vifs[XV_RECEIVER]) != burst;
        guest_check(g, burst);
    }
}

int main(int argc, char **argv)
{
    static struct guest g;
    uint32_t n = argc == 6 ? (uint32_t)atoi(argv[2]) : 0, bytes = argc == 6 ? (uint32_t)atoi(argv[4]) : 0;
    uint32_t burst = argc == 6 ? (uint32_t)atoi(argv[5]) : 0;

    if (n == 0 || n > BLOCKS_MAX || bytes < 18 || bytes > GUEST_ROOM || burst == 0 || burst > FABRIC_BURST ||
        BLOCK_FRAMES % burst != 0) {
        fprintf(stderr, "usage: vqsteps CPU BLOCKS warm|plain BYTES BURST\n");
        return 2;
    }
    eal_start(argv[1], strcmp(argv[3], "plain") != 0);
    guest_new(&g);
    side_xv.open(&g);
    clock_cycles = clock_overhead();
    guest_start(&g, GUEST_ONE_DESC, bytes);
    side_xv.start();
    block_run(&g, burst);
    for (block = 0; block < n; block++)
        block_run(&g, burst);
    for (enum step i = 0; i < STEP_COUNT; i++)
        printf("%s %.2f\n", names[i], (double)clock_median(cycles[i], n) / BLOCK_FRAMES);
    if (g.wrong > 0)
        fprintf(stderr, "vqsteps: %u times not as it must be\n", g.wrong);
    return g.wrong > 0;
}
