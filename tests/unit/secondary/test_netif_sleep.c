/* SPDX-License-Identifier: BSD-3-Clause */
// A stock guest's driver and the back end in two threads. Each sleeps without an end until the other calls, and calls only
// when it is asked to: every frame gets through.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netif_guest.h"
#include "ring_netif.h"

#define FRAMES 60000u

static struct plain_guest g;
static struct state_vif state;
static sem_t to_worker;

// For another while each time, so that the two meet at each step of each other's.
static void idle(uint32_t n, uint32_t odd)
{
    for (volatile uint32_t i = n * odd * 7919u % 400; i > 0; i--)
        ;
}

static void *driver(void *arg)
{
    struct netif_ring *ring = g.netif[0][REGION_TX_RING].ring;
    uint32_t taken = 0;

    for (uint32_t n = 0; n < FRAMES; n++) {
        while (netif_front.done(&g, REGION_TX_RING) == 0 && n - taken >= NETIF_SLOTS / 2)
            ;
        for (; netif_front.done(&g, REGION_TX_RING) > 0; taken++)
            netif_front.take(&g, REGION_TX_RING, NULL, NULL);
        netif_request(&g, n % NETIF_SLOTS, (uint16_t)n, 0, 60, 0);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (n + 1 - __atomic_load_n(&ring->req_event, __ATOMIC_RELAXED) < 1)
            sem_post(&to_worker);
        idle(n, 3);
    }
    return arg;
}

static void serve(struct ring *tx)
{
    static uint8_t buf[FABRIC_BUF_BYTES];
    struct ring_frame f = { .at = buf };
    struct ring_pos *pos;
    uint32_t n = 0, slept = 0;

    while (n < FRAMES) {
        if (ring_netif.pending(tx, n) > 0) {
            pos = ledger_begin(&state.from);
            n += ring_netif.fetch(tx, &state.from, pos, &f, 1);
            ledger_commit(&state.from, LEDGER_RING);
            ring_netif.publish(tx, &state.from, pos->next);
            continue;
        }
        idle(n, 5);
        if (!ring_netif.arm(tx)) {
            sem_wait(&to_worker);
            slept++;
        }
        ring_netif.disarm(tx);
    }
    printf("%u frames, %u sleeps\n", FRAMES, slept);
}

int main(void)
{
    void *memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    pthread_t thread;
    struct ring tx;

    alarm(60); // for ever is a failure
    memset(memory, 0, GUEST_BYTES);
    netif_front.lay(&g, memory);
    ring_netif.open(&tx, &g.mem, REGION_TX_RING, &(struct front_words){ .netif = { .n_queues = 1 } }, &state);
    ledger_start(&state.from, 1, 1, ring_netif.adopt(&tx));
    sem_init(&to_worker, 0, 0);
    if (pthread_create(&thread, NULL, driver, NULL) != 0)
        return 1;
    serve(&tx);
    pthread_join(thread, NULL);
    free(memory);
    return 0;
}
