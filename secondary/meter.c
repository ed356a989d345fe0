/* SPDX-License-Identifier: BSD-3-Clause */
#include "meter.h"
#include "clock.h"
#include "fabric.h"

static uint64_t bytes_cost(const struct meter *m, uint64_t bytes)
{
    return bytes * 8 * (CLOCK_SECOND / 1000) * METER_NS / m->rate.kbps;
}

static uint64_t frames_cost(const struct meter *m, uint64_t frames)
{
    return frames * CLOCK_SECOND * METER_NS / m->rate.fps;
}

// Where what is used up ends, when no more than a burst is saved.
static uint64_t used(const struct meter *m, uint64_t until)
{
    return until + m->burst < m->now ? m->now - m->burst : until;
}

// For how many frames there is time, one of which costs so much.
static uint32_t allows(const struct meter *m, uint64_t until, uint64_t cost, uint32_t n)
{
    uint64_t from = used(m, until), room;

    if (from > m->now)
        return 0;
    room = cost == 0 ? n : (m->now - from) / cost + 1;
    return room < n ? (uint32_t)room : n;
}

void meter_init(struct meter *m, const struct rate *r, uint32_t burst_ms, uint64_t now_ns)
{
    uint64_t now = now_ns * METER_NS;

    *m = (struct meter){
        .rate = *r, .burst = burst_ms * CLOCK_MS * METER_NS, .now = now, .bytes_until = now, .frames_until = now
    };
}

uint32_t meter_allows(struct meter *m, uint32_t n, uint64_t now_ns)
{
    m->now = now_ns * METER_NS;
    if (m->rate.kbps != 0)
        n = allows(m, m->bytes_until, bytes_cost(m, FABRIC_BUF_BYTES), n);
    if (m->rate.fps != 0)
        n = allows(m, m->frames_until, frames_cost(m, 1), n);
    return n;
}

void meter_charge(struct meter *m, uint32_t frames, uint64_t bytes)
{
    if (m->rate.kbps != 0)
        m->bytes_until = used(m, m->bytes_until) + bytes_cost(m, bytes);
    if (m->rate.fps != 0)
        m->frames_until = used(m, m->frames_until) + frames_cost(m, frames);
}
