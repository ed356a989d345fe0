/* SPDX-License-Identifier: BSD-3-Clause */
// front.h: what a guest for tests asks of its front end. Each program has one: tests/fe22, tests/fenet.
#ifndef XV_FRONT_H
#define XV_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#define FE_DEVS_MAX 40u // more than the switch supports, so that it has something to refuse
#define FE_FRAME_BYTES 65536u // longest frame that fe_send() takes

struct fe;
struct fe_dev;

enum fe_hdr {
    FE_HDR_NULL, // 2.2's: a descriptor with address NULL and length 10
    FE_HDR_OWN, // a descriptor of its own, in granted memory
    FE_HDR_INLINE, // in front of the frame in the first descriptor
    FE_HDR_SPLIT, // 4 bytes in one descriptor, 6 in the next
};

// How a frame is laid in the ring; each front end takes of it what its ring knows.
struct fe_shape {
    uint32_t segs; // pieces of the frame, at least 1
    enum fe_hdr hdr; // virtio
    bool zeros; // virtio: with a descriptor of length 0 before each piece
    uint32_t queue; // netif
    uint16_t flags; // netif: of the first request
    uint16_t offset; // netif: of each piece in its page, as far as it has room there
};

struct fe_stats {
    uint64_t rx_frames, rx_bytes, rx_bad; // rx_bad: what the back end wrote made no sense
    uint64_t tx_frames, tx_done, tx_bad, tx_full;
};

// Device n < FE_DEVS_MAX, NULL if it was never opened.
struct fe_dev *fe_dev(struct fe *fe, uint32_t n);
bool fe_dev_started(const struct fe_dev *dev);
const uint8_t *fe_dev_mac(const struct fe_dev *dev);
const struct fe_stats *fe_dev_stats(const struct fe_dev *dev);

// Print what else its report has: pairs of JSON with a comma behind each.
void fe_dev_print(const struct fe_dev *dev);

// Make a frame available to the switch. Returns 0; -EAGAIN when the ring or mempool is full now; -EMSGSIZE when it will
// never fit.
int fe_send(struct fe_dev *dev, const uint8_t *frame, uint32_t len, const struct fe_shape *shape);

// Take back what was sent. Returns how many frames.
uint32_t fe_sent(struct fe_dev *dev);

// Call got for each received frame (at most max) and post its buffer again. Returns how many.
typedef void fe_got(void *arg, const uint8_t *frame, uint32_t len);
uint32_t fe_receive(struct fe_dev *dev, uint32_t max, fe_got *got, void *arg);

// What becomes readable when the back end has done something, or -1: it doesn't say so. fe_events() takes note of it.
int fe_fd(const struct fe *fe);
void fe_events(struct fe *fe);

#endif
