// SPDX-License-Identifier: BSD-3-Clause
#include "seq.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define SEQ_MAX (1ull << 26) // a larger number is taken for a broken one
#define ETHER_MIN 60u
#define TAG_ETHERTYPE 0x8100
#define TAG_BYTES 4u

struct seq_payload {
    uint16_t ethertype;
    char magic[4];
    uint32_t flow;
    uint64_t seq;
    uint16_t len;
} __attribute__((packed));

static_assert(sizeof(struct seq_payload) + 12 == SEQ_FRAME_MIN, "no hole");

static const char magic[4] = "XVSQ";

uint32_t seq_frame(
    uint8_t *frame, uint32_t len, const uint8_t dst[6], const uint8_t src[6], int vlan, uint32_t flow, uint64_t seq)
{
    struct seq_payload p = {
        .ethertype = htobe16(SEQ_ETHERTYPE), .flow = htobe32(flow), .seq = htobe64(seq), .len = htobe16(len)
    };
    uint8_t head[SEQ_FRAME_MIN];

    memcpy(p.magic, magic, sizeof(magic));
    for (uint32_t i = 0; i < len; i++)
        frame[i] = seq + i;
    memcpy(head, dst, 6);
    memcpy(head + 6, src, 6);
    memcpy(head + 12, &p, sizeof(p));
    memcpy(frame, head, len < sizeof(head) ? len : sizeof(head));
    if (vlan < 0 || len < 12)
        return len;
    uint16_t tag[2] = { htobe16(TAG_ETHERTYPE), htobe16(vlan) };

    memmove(frame + 12 + TAG_BYTES, frame + 12, len - 12);
    memcpy(frame + 12, tag, sizeof(tag));
    return len + TAG_BYTES;
}

static struct seq_book *book_of(struct seq_books *books, uint32_t flow)
{
    for (uint32_t i = 0; i < SEQ_FLOWS_MAX; i++) {
        struct seq_book *b = &books->book[i];

        if (!b->used)
            *b = (struct seq_book){ .used = true, .flow = flow };
        if (b->flow == flow)
            return b;
    }
    return NULL;
}

static bool seen_grow(struct seq_book *b, uint64_t seq)
{
    uint64_t bits = b->bits == 0 ? 65536 : b->bits;

    while (bits <= seq)
        bits *= 2;
    if (bits == b->bits)
        return true;
    uint8_t *seen = realloc(b->seen, bits / 8);

    if (seen == NULL)
        return false;
    memset(seen + b->bits / 8, 0, (bits - b->bits) / 8);
    b->seen = seen;
    b->bits = bits;
    return true;
}

// The bytes after the payload's head; a frame that was short may have been padded on the wire. len and frame are those
// of the frame without its tag's bytes, from offset 16 on.
static bool content_ok(struct seq_book *b, const uint8_t *frame, uint32_t len, const struct seq_payload *p)
{
    uint32_t want = be16toh(p->len);
    uint64_t seq = be64toh(p->seq);

    if (want < len && len <= ETHER_MIN)
        b->padded++;
    else if (want != len)
        return false;
    for (uint32_t i = SEQ_FRAME_MIN; i < want; i++) {
        if (frame[i] != (uint8_t)(seq + i))
            return false;
    }
    return true;
}

bool seq_enter(struct seq_books *books, const uint8_t *frame, uint32_t len)
{
    struct seq_payload p;
    struct seq_book *b;
    uint64_t seq;

    if (len >= 12 + TAG_BYTES && frame[12] == TAG_ETHERTYPE >> 8 && frame[13] == (TAG_ETHERTYPE & 0xff)) {
        frame += TAG_BYTES;
        len -= TAG_BYTES;
    }
    if (len < SEQ_FRAME_MIN)
        return false;
    memcpy(&p, frame + 12, sizeof(p));
    if (be16toh(p.ethertype) != SEQ_ETHERTYPE || memcmp(p.magic, magic, sizeof(magic)) != 0)
        return false;
    b = book_of(books, be32toh(p.flow));
    if (b == NULL)
        return false;
    seq = be64toh(p.seq);
    b->frames++;
    if (seq >= SEQ_MAX || !content_ok(b, frame, len, &p) || !seen_grow(b, seq)) {
        b->corrupt++;
        return true;
    }
    if (b->seen[seq / 8] & 1u << seq % 8) {
        b->duplicated++;
        return true;
    }
    b->seen[seq / 8] |= 1u << seq % 8;
    b->unique++;
    if (seq < b->next)
        b->reordered++;
    else
        b->next = seq + 1;
    return true;
}

void seq_forget(struct seq_books *books)
{
    for (uint32_t i = 0; i < SEQ_FLOWS_MAX; i++) {
        free(books->book[i].seen);
        books->book[i] = (struct seq_book){ .used = false };
    }
}
