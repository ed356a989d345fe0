/* SPDX-License-Identifier: BSD-3-Clause */
// flow.h: a guest's devices at work: what they send in flows, and what they receive.
#ifndef XV_FLOW_H
#define XV_FLOW_H

#include "front.h"
#include "seq.h"

#define CAPTURE_MAX 4096u

enum capture { CAPTURE_OTHER, CAPTURE_ALL, CAPTURE_NONE }; // OTHER: what is not a numbered frame

struct captured {
    uint32_t len;
    uint8_t *bytes;
};

struct port {
    bool poll; // take what is received
    enum capture capture;
    uint32_t n_captured;
    struct captured captured[CAPTURE_MAX];
    struct seq_books books;
};

struct flow {
    bool used, running;
    uint32_t id, dev, len;
    int vlan;
    uint8_t dst[6], src[6];
    uint64_t count; // frames to send, 0: until it is stopped
    uint64_t sent;
    double rate; // frames/s, 0: as many as the ring takes
    double started; // seconds
    struct fe_shape shape;
};

struct guest {
    struct fe *fe;
    struct port ports[FE_DEVS_MAX];
    struct flow flows[SEQ_FLOWS_MAX];
    long idle_us; // how long it sleeps when it has nothing to do
};

// Receive on every device, take back what was sent. Returns whether there was something.
bool guest_poll(struct guest *g);

// Sleep for so long, or until the back end says that it has done something.
void guest_sleep(struct guest *g, long us);

// Poll without sleep until dev has received so many frames in all, for so many seconds at most. Returns whether it has;
// *away is the longest time between two looks.
bool guest_await(struct guest *g, const struct fe_dev *dev, uint64_t frames, double longest, double *away);

// Send what is due. A frame that the ring has no room for waits: it is not lost. Returns whether something was sent.
bool flows_run(struct guest *g);

// A free entry, or that of id; NULL if there is none.
struct flow *flow_entry(struct guest *g, uint32_t id);

double seconds(void);

#endif
