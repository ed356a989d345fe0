/* SPDX-License-Identifier: BSD-3-Clause */
// rate.h: how much a device may send and receive, as the configuration or the toolstack says it: the watcher tells the
// worker.
#ifndef XV_RATE_H
#define XV_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_KBPS_MAX 400000000u
#define RATE_FPS_MAX 1000000000u
#define RATE_BURST_MS_MAX 10000u

struct rate { // 0: no limit
    uint32_t kbps; // 1,000 bits/s of frames, without what the wire adds
    uint32_t fps; // frames/s
};

struct rates {
    struct rate sends; // by the guest
    struct rate gets;
    uint32_t burst_ms; // what wasn't used is good for so long
    uint32_t reserved;
};

static inline bool rate_is(const struct rate *r)
{
    return r->kbps != 0 || r->fps != 0;
}

static inline bool rates_ok(const struct rates *r)
{
    return r->sends.kbps <= RATE_KBPS_MAX && r->gets.kbps <= RATE_KBPS_MAX && r->sends.fps <= RATE_FPS_MAX &&
           r->gets.fps <= RATE_FPS_MAX && r->burst_ms <= RATE_BURST_MS_MAX && r->reserved == 0;
}

#endif
