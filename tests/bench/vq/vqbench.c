/* SPDX-License-Identifier: BSD-3-Clause */
// vqbench CPU PAIRS BLOCKS MODE LAYOUT BYTES,... BURST,... SIDE...: for each length of frames and of bursts, the sides in
// turn, PAIRS times, each for BLOCKS blocks of frames. Prints a line a run: length, burst, side, and cycles (TSC) a frame
// from the guest, to the guest and for giving buffers back, the median of the blocks.
//
// MODE is "warm": what the guest wrote a moment ago is in this core's caches; or "cold": before each step this core's
// first and second level caches are filled with other things, so that step finds everything in the third level, as it
// finds what another core wrote; or "plain": warm, and without hugepages, for valgrind, which has no room for EAL's.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "side.h"
#include "side_xv.h"

#define WARM_FRAMES 1024u // of a block: four rounds of the ring
#define COLD_FRAMES 128u // of a block: each burst comes after a long walk through memory
#define BLOCKS_MAX 1024u
#define LIST_MAX 16u
#define BURST_MAX 32u
#define STEPS 3u
#define EVICT_BYTES (4u << 20)

static const struct side *const sides[] = { &side_xv, &side_vhost, &side_copy, &side_copy2 };
static struct guest guest;
static uint8_t *evict_from; // NULL: warm
static uint32_t block_frames = WARM_FRAMES;
static uint64_t clock_cycles; // what reading the clock twice takes

static void die(const char *what)
{
    fprintf(stderr, "vqbench: %s\n", what);
    exit(2);
}

static void evict(void)
{
    uint64_t sum = 0;

    for (uint32_t at = 0; evict_from != NULL && at < EVICT_BYTES; at += 64)
        sum += *(volatile uint8_t *)&evict_from[at];
    (void)sum;
}

static uint32_t give_back(const struct side *s, uint32_t burst)
{
    s->give_back();
    return burst;
}

static uint64_t step(const struct side *s, uint32_t which, uint32_t burst)
{
    uint64_t began, took;
    uint32_t n = burst;

    if (which == 2 && s->give_back == NULL)
        return 0;
    if (which < 2)
        evict();
    began = clock_read();
    n = which == 0 ? s->from_guest(burst) : which == 1 ? s->to_guest(burst) : give_back(s, burst);
    took = clock_read() - began;
    guest.wrong += n != burst;
    return took > clock_cycles ? took - clock_cycles : 0;
}

static void block(const struct side *s, uint32_t burst, uint64_t cycles[STEPS])
{
    memset(cycles, 0, STEPS * sizeof(*cycles));
    for (uint32_t n = 0; n < block_frames; n += burst) {
        guest_send(&guest, burst);
        for (uint32_t i = 0; i < STEPS; i++)
            cycles[i] += step(s, i, burst);
        if (s->publish != NULL)
            s->publish(burst);
        guest_check(&guest, burst);
    }
}

static void run(const struct side *s, enum guest_layout layout, uint32_t bytes, uint32_t burst, uint32_t n_blocks)
{
    static uint64_t all[STEPS][BLOCKS_MAX];
    uint64_t cycles[STEPS];

    guest_start(&guest, layout, bytes);
    s->start();
    block(s, burst, cycles);
    for (uint32_t i = 0; i < n_blocks; i++) {
        block(s, burst, cycles);
        for (uint32_t k = 0; k < STEPS; k++)
            all[k][i] = cycles[k];
    }
    printf("%u %u %s", bytes, burst, s->name);
    for (uint32_t k = 0; k < STEPS; k++)
        printf(" %.2f", (double)clock_median(all[k], n_blocks) / block_frames);
    printf("\n");
    fflush(stdout);
}

static const struct side *side_find(const char *name)
{
    for (uint32_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        if (strcmp(sides[i]->name, name) == 0)
            return sides[i];
    }
    die("no such side");
    return NULL;
}

static void evict_open(void)
{
    block_frames = COLD_FRAMES;
    evict_from = mmap(NULL, EVICT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (evict_from == MAP_FAILED)
        die("no memory");
    madvise(evict_from, EVICT_BYTES, MADV_HUGEPAGE);
    memset(evict_from, 1, EVICT_BYTES);
}

// The numbers in "64,1518". Returns how many.
static uint32_t list_parse(char *text, uint32_t *list)
{
    uint32_t n = 0;

    for (char *p = strtok(text, ","); p != NULL && n < LIST_MAX; p = strtok(NULL, ","))
        list[n++] = (uint32_t)atoi(p);
    return n;
}

static void pairs_run(char **names, int n_names, enum guest_layout layout, uint32_t bytes, uint32_t burst,
    uint32_t pairs, uint32_t n_blocks)
{
    if (burst == 0 || burst > BURST_MAX || COLD_FRAMES % burst != 0 || bytes < 18 || bytes > GUEST_ROOM)
        die("a length is out of range");
    for (uint32_t p = 0; p < pairs; p++) {
        for (int i = 0; i < n_names; i++)
            run(side_find(names[i]), layout, bytes, burst, n_blocks);
    }
}

int main(int argc, char **argv)
{
    uint32_t bytes[LIST_MAX], bursts[LIST_MAX], n_bytes, n_bursts, n_blocks = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;

    if (argc < 9 || n_blocks == 0 || n_blocks > BLOCKS_MAX)
        die("usage: vqbench CPU PAIRS BLOCKS warm|cold|plain one|two BYTES,... BURST,... SIDE...");
    n_bytes = list_parse(argv[6], bytes);
    n_bursts = list_parse(argv[7], bursts);
    eal_start(argv[1], strcmp(argv[4], "plain") != 0);
    guest_new(&guest);
    for (int i = 8; i < argc; i++)
        side_find(argv[i])->open(&guest);
    clock_cycles = clock_overhead();
    if (strcmp(argv[4], "cold") == 0)
        evict_open();
    for (uint32_t i = 0; i < n_bursts * n_bytes; i++) {
        pairs_run(argv + 8, argc - 8, strcmp(argv[5], "two") == 0 ? GUEST_TWO_DESC : GUEST_ONE_DESC, bytes[i % n_bytes],
            bursts[i / n_bytes], (uint32_t)atoi(argv[2]), n_blocks);
    }
    if (guest.wrong > 0)
        fprintf(stderr, "vqbench: %u times not as it must be\n", guest.wrong);
    return guest.wrong > 0;
}
