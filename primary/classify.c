/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify.h"
#include "fdb.h"

static struct verdict drop_port(enum port_drop why)
{
    return (struct verdict){ .kind = VERDICT_DROP_PORT, .vif = FABRIC_VIF_NONE, .drop = why };
}

static struct verdict drop_vif(uint16_t vif, enum wire_drop why)
{
    return (struct verdict){ .kind = VERDICT_DROP_VIF, .vif = vif, .drop = why };
}

static struct verdict classify_many(const struct frame_head *h, enum verdict_kind kind)
{
    if (h->tags)
        return drop_port(PORT_DROP_TAGS);
    if (h->len > FABRIC_BUF_BYTES)
        return drop_port(PORT_DROP_OVERSIZE);
    return (struct verdict){ .kind = kind, .vif = FABRIC_VIF_NONE };
}

// No open vif has its MAC, but a closed one may.
static struct verdict classify_unknown(
    struct fabric *f, const struct vif_view *vifs, const struct origin *from, const struct frame_head *h)
{
    struct verdict v = classify_many(h, VERDICT_UNKNOWN);
    uint16_t vif = fdb_find(f, fdb_key(h->mac));

    if (v.kind == VERDICT_UNKNOWN && vif < f->max_vifs && vifs[vif].gen == 0 && vifs[vif].port == from->port)
        v.vif = vif;
    return v;
}

// Returns true if the frame was sent here. Who was to have it from here has it, unless each frame goes to the uplink and
// the bridge there returns what is for another guest.
static bool is_reflected(struct fabric *f, const struct vif_view *vifs, const struct frame_head *h)
{
    uint32_t gen = 0;
    uint16_t vif = fdb_find_gen(f, fdb_key(h->src), &gen);

    return vif != FABRIC_VIF_NONE && vifs[vif].gen == gen && (f->vm2vm != 0 || memcmp(h->mac, h->src, 6) == 0);
}

struct verdict classify(
    struct fabric *f, const struct vif_view *vifs, const struct origin *from, const struct frame_head *h)
{
    enum classify_tag tag;
    uint32_t gen = 0;
    uint16_t vif;

    if (h->len < XENVIRT_FRAME_MIN)
        return drop_port(h->len == 0 ? PORT_DROP_CUT : PORT_DROP_RUNT); // pcap_wrap.c
    if (h->link == JUDGE_LINK)
        return drop_port(PORT_DROP_LINK_LOCAL);
    if (is_reflected(f, vifs, h))
        return drop_port(PORT_DROP_REFLECTED);
    if (mac_is_group(h->mac))
        return classify_many(h, VERDICT_GROUP);
    vif = fdb_find_gen(f, fdb_key(h->mac), &gen);
    // A vif that is just being opened or closed is known to the table and not yet, or no more, to us.
    if (vif == FABRIC_VIF_NONE || vifs[vif].gen != gen || vifs[vif].port != from->port)
        return classify_unknown(f, vifs, from, h);
    if (h->tags)
        return drop_vif(vif, DROP_WIRE_RX_TAGS);
    tag = classify_tag(&vifs[vif], h->tagged, h->vlan);
    if (tag == CLASSIFY_NOT)
        return drop_vif(vif, DROP_WIRE_RX_WRONG_TAG);
    if (vifs[vif].pool != from->pool)
        return drop_port(PORT_DROP_COPY);
    if (h->len > FABRIC_BUF_BYTES - (tag == CLASSIFY_TAGGED ? ETHER_TAG_BYTES : 0))
        return drop_vif(vif, DROP_WIRE_RX_OVERSIZE);
    return (struct verdict){ .kind = VERDICT_VIF, .vif = vif, .tag = tag == CLASSIFY_TAGGED, .gen = gen };
}
