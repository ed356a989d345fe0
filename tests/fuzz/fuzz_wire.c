/* SPDX-License-Identifier: BSD-3-Clause */
// Frames as they come in from a wire, and as they go out to one: heads, tags, and whom they are for.
#include "classify.h"
#include "crossbar.h"
#include "fdb.h"
#include "frame.h"
#include "input.h"

#define VIFS 4u

static const struct crossbar_size size = {
    .max_vifs = VIFS, .max_guests = 2, .n_io = 1, .lane_slots = 16, .ctx_bufs = 16
};

static struct fabric fabric, *f;
static struct vif_view vifs[FABRIC_VIFS_MAX];

static void setup(void)
{
    uint64_t bytes = (crossbar_bytes(&size) + 63) & ~63ull;
    void *memory = aligned_alloc(64, bytes);

    f = &fabric;
    memset(memory, 0, bytes);
    crossbar_make(f, memory, &size, 1, 2);
    for (uint16_t k = 0; k < VIFS; k++) {
        struct vif_view *v = &vifs[k];

        *v = (struct vif_view){ .gen = 10u + k, .port = k / 2, .vlan = 1000 + k, .mac = { 2, 0, 0, 0, 0, (uint8_t)k } };
        atomic_store(&fabric_vif(f, k)->gen, v->gen);
        MUST(fdb_add(f, v->mac, k) == 0);
    }
}

static void in_from_wire(struct input *in)
{
    uint8_t how = input_u8(in);
    struct origin from = { .port = how & 1, .pool = how >> 1 & 3, .pools = how & 8 };
    bool stripped = how & 16;
    uint16_t tci = stripped ? input_u16(in) : 0;
    uint32_t n = (uint32_t)in->left, len = how & 32 ? n + input_u16(in) : n;
    uint8_t *p = malloc(n + 1); // exactly as long, for the sanitizer
    struct frame_head h;
    struct verdict v;

    input_bytes(in, p, n);
    if (n < FRAME_HEAD_BYTES)
        len = n; // of a longer frame so many bytes are in the first segment
    h = frame_head(p, len, stripped, tci);
    MUST(h.cut <= len && h.len <= len && h.vlan < 4096);
    MUST(frame_tags_bytes(p, n) <= FRAME_TAGS_MAX * ETHER_TAG_BYTES);
    v = classify(f, vifs, &from, &h);
    if (v.kind == VERDICT_VIF)
        MUST(v.vif < VIFS && v.gen == vifs[v.vif].gen && vifs[v.vif].port == from.port && h.len <= FABRIC_BUF_BYTES &&
             memcmp(h.mac, vifs[v.vif].mac, 6) == 0 && (!h.tagged || h.vlan == vifs[v.vif].vlan));
    if (v.kind == VERDICT_DROP_VIF)
        MUST(v.vif < VIFS);
    for (uint32_t k = 0; k < VIFS; k++) {
        if (classify_group(&vifs[k], &from, &h))
            MUST(vifs[k].port == from.port && (!h.tagged || h.vlan == vifs[k].vlan));
    }
    classify_nobody(&from, &h);
    free(p);
}

static void out_to_wire(struct input *in)
{
    uint8_t how = input_u8(in);
    uint16_t vlan = input_u16(in) & 0xfff;
    uint32_t len = (uint32_t)in->left, bytes;
    uint8_t *from, *to;

    if (len < XENVIRT_FRAME_MIN)
        return;
    bytes = frame_out_bytes(len, how & 1);
    from = malloc(len);
    to = malloc(bytes);
    input_bytes(in, from, len);
    frame_out(to, from, len, how & 1, vlan);
    MUST(memcmp(to, from, FRAME_MACS_BYTES) == 0);
    MUST(memcmp(to + FRAME_MACS_BYTES + (how & 1 ? ETHER_TAG_BYTES : 0), from + FRAME_MACS_BYTES,
             len - FRAME_MACS_BYTES) == 0);
    free(from);
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = { data, n };

    if (f == NULL)
        setup();
    if (input_u8(&in) & 1)
        out_to_wire(&in);
    else
        in_from_wire(&in);
    return 0;
}
