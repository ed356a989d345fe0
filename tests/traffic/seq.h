/* SPDX-License-Identifier: BSD-3-Clause */
// seq.h: frames that carry a flow's number and a sequence number, and the book of what came.
//
// After the Ethernet header: ethertype 0x88b5, "XVSQ", flow (32 bits), sequence number (64), frame length (16), all big
// endian; then each byte is (sequence number + its offset) mod 256. All of that is said of the frame without a VLAN tag,
// so a tag may be put in and taken out on the way. tests/e2e/seq.py speaks the same.
#ifndef XV_SEQ_H
#define XV_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#define SEQ_ETHERTYPE 0x88b5u
#define SEQ_FRAME_MIN 32u
#define SEQ_FLOWS_MAX 64u

// What came of one flow.
struct seq_book {
    bool used;
    uint32_t flow;
    uint64_t frames, unique, duplicated, reordered, corrupt, padded;
    uint64_t next; // highest number that came, plus 1
    uint64_t bits; // numbers that `seen` has room for
    uint8_t *seen;
};

struct seq_books {
    struct seq_book book[SEQ_FLOWS_MAX];
};

// Write a frame of len bytes, and 4 more for a tag: vlan, or -1 for none. Returns the frame's length.
uint32_t seq_frame(
    uint8_t *frame, uint32_t len, const uint8_t dst[6], const uint8_t src[6], int vlan, uint32_t flow, uint64_t seq);

// Enter a frame. Returns false if it isn't one of ours.
bool seq_enter(struct seq_books *books, const uint8_t *frame, uint32_t len);

void seq_forget(struct seq_books *books);

#endif
