/* SPDX-License-Identifier: BSD-3-Clause */
// Two threads on one lane, to be run under the thread sanitizer too: every frame arrives once, in order and whole.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "sink.h"
#include "small_fabric.h"
#include "source.h"

#define FRAMES 200000u

static struct fabric *f;

static void *producer(void *arg)
{
    struct source s;
    uint32_t n = 0;

    (void)arg;
    if (source_init(&s, f, 1) < 0)
        return NULL;
    while (n < FRAMES) {
        struct lane_slot slot = { .buf = source_take(&s), .len = 64, .gen = n };

        if (slot.buf == UINT32_MAX) {
            source_reclaim(&s);
            sched_yield();
            continue;
        }
        memset(source_buf(&s, slot.buf), (int)(n & 0xff), 64);
        if (source_put(&s, 2, &slot)) {
            n++;
        } else {
            source_give(&s, slot.buf);
            sched_yield();
        }
        source_publish(&s);
    }
    source_fini(&s);
    return NULL;
}

static int frame_wrong(const struct sink_frame *frame, uint32_t n)
{
    const uint8_t *bytes = fabric_buf(f, frame->ctx, frame->slot.buf);

    if (frame->slot.gen != n || !slot_ok(f, &frame->slot))
        return 1;
    for (unsigned i = 0; i < 64; i++) {
        if (bytes[i] != (n & 0xff))
            return 1;
    }
    return 0;
}

static uint32_t consume(void)
{
    struct sink_frame frames[FABRIC_BURST];
    struct sink k;
    uint32_t n = 0, wrong = 0;

    sink_init(&k, f, 2);
    for (uint32_t turn = 0; n < FRAMES; turn++) {
        uint32_t got = sink_look(&k, turn % 64 == 0) ? sink_take(&k, frames, FABRIC_BURST) : 0;

        for (uint32_t i = 0; i < got; i++)
            wrong += frame_wrong(&frames[i], n++);
        sink_publish(&k);
        if (got == 0)
            sched_yield();
    }
    return wrong;
}

int main(void)
{
    pthread_t thread;
    uint32_t wrong;

    f = small_fabric_new();
    if (pthread_create(&thread, NULL, producer, NULL) != 0)
        return 1;
    wrong = consume();
    pthread_join(thread, NULL);
    small_fabric_free(f);
    printf("%u frames, %u wrong\n", FRAMES, wrong);
    return wrong != 0;
}
