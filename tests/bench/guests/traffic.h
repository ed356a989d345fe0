/* SPDX-License-Identifier: BSD-3-Clause */
// traffic.h: both guests send to each other, and look at all that comes.
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "frame.h"
#include "hist.h"
#include "port.h"

#define TRAFFIC_SIDES 2u
#define TRAFFIC_BURST 32u

struct traffic_plan {
    double seconds; // the first fifth is not measured
    uint32_t len;
    double rate; // frames/s of each guest, 0: as fast as they are taken
    unsigned back; // 1: the switch returns frames to who sent them, 0: it takes them to the other guest
};

struct side {
    struct port *port;
    struct frame_head head; // of the frames that it sends
    uint64_t seq; // next
    uint64_t sent;
    uint64_t refused; // transmit bursts that the ring had no room for all of
    uint64_t received; // frames of this sender that came
    uint64_t measured; // of them, in the time that counts
    uint64_t expect; // the least sequence number that may come
    uint64_t wrong; // frames that came changed, twice or out of order
    uint16_t n_waiting; // written and not yet taken by the ring
    struct rte_mbuf *waiting[TRAFFIC_BURST];
};

struct traffic {
    struct side sides[TRAFFIC_SIDES];
    uint64_t strangers; // frames of neither guest, at the wrong one, or of another length than sent
    double seconds; // measured
    struct hist latency;
};

void traffic_init(struct traffic *t, struct port *ports);

// Send and receive; then wait until no more frames come. Counters are this run's afterwards.
void traffic_run(struct traffic *t, const struct traffic_plan *plan);

#endif
