/* SPDX-License-Identifier: BSD-3-Clause */
// A guest's driver and the back end in two threads, to be run under the thread sanitizer too: every frame that the
// guest sends comes out once, in order and whole.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "plain_guest.h"
#include "ring_virtio.h"

#define FRAMES 100000u
#define WINDOW (GUEST_RING / 2)

static struct plain_guest g;
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static void *driver(void *arg)
{
    uint8_t frame[64];

    (void)arg;
    for (uint32_t n = 0; n < FRAMES; n++) {
        while ((uint16_t)(g.avail[REGION_TX_RING] - g.seen[REGION_TX_RING]) >= WINDOW) {
            if (guest_used(&g, REGION_TX_RING) > 0)
                guest_take(&g, REGION_TX_RING);
            else
                sched_yield();
        }
        frame_make(frame, sizeof(frame), mac, mac, n);
        guest_send(&g, (uint16_t)(n % WINDOW), frame, sizeof(frame));
    }
    return NULL;
}

static uint32_t serve(void)
{
    static struct ledger l;
    uint8_t want[64], got[XENVIRT_FRAME_MAX];
    struct ring_frame f = { .at = got };
    struct ring_pos pos = { 0 };
    struct ring tx;
    uint32_t wrong = 0;

    ring_virtio.open(
        &tx, &g.mem, REGION_TX_RING, &(struct front_words){ .xenvirt = { .ring_size = GUEST_RING } }, NULL);
    for (uint32_t n = 0; n < FRAMES; n++) {
        while (ring_virtio.pending(&tx, pos.next) == 0)
            sched_yield();
        frame_make(want, sizeof(want), mac, mac, n);
        if (ring_virtio.fetch(&tx, &l, &pos, &f, 1) != 1 || f.verdict != RING_OK || f.len != 64 ||
            memcmp(got, want, 64) != 0)
            wrong++;
        ring_virtio.publish(&tx, &l, pos.next);
    }
    return wrong;
}

int main(void)
{
    pthread_t thread;
    uint32_t wrong;

    guest_new(&g);
    if (pthread_create(&thread, NULL, driver, NULL) != 0)
        return 1;
    wrong = serve();
    pthread_join(thread, NULL);
    guest_free(&g);
    printf("%u frames, %u wrong\n", FRAMES, wrong);
    return wrong != 0;
}
