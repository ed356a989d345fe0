/* SPDX-License-Identifier: BSD-3-Clause */
// vif.c: the order matters. See fdb_find_gen(): an entry of the forwarding table always belongs to the generation that
// stands in the vif's record, so
//
//     open:  drain leaves the row | the closed vif's forwarding entry goes; counters; record; generation; forwarding
//            entry; the NIC's pool gets the MAC; what the pool's queue held is sorted without it; I/O lcores know it |
//     close: generation; the pool loses the MAC; I/O lcores know that it is closed; drain takes the row |
//
// The entry of a closed vif stays, with no generation: who looks its MAC up finds no vif, but the frames that come for
// it from the wire are counted as its own. So nothing that came in for a vif's last guest reaches its next one, not
// even with the same MAC.
//
// The I/O lcores' parts are posted to them. At each | nothing more is done to the vif until all that was posted is
// done, and the control lcore sees to the other vifs.
#include <errno.h>

#include "address.h"
#include "ether.h"
#include "fdb.h"
#include "log.h"
#include "vif.h"

bool vif_is_open(const struct primary *p, uint32_t vif, uint32_t gen)
{
    return vif < p->fabric->max_vifs && p->vifs[vif].gen == gen;
}

static void ask(struct primary *p, struct io *io, enum io_request request, uint32_t vif, const struct vif_view *as)
{
    p->asked[vif].number[io->id] = io_post(io, request, vif, as);
}

static void ask_all(struct primary *p, uint32_t vif)
{
    for (uint32_t io = 0; io < p->n_io; io++)
        ask(p, p->ios[io], IO_VIF, vif, &p->vifs[vif]);
}

// Returns true if all that was asked about the vif is done.
static bool asked_done(const struct primary *p, uint32_t vif)
{
    for (uint32_t io = 0; io < p->n_io; io++) {
        if (!mailbox_done(&p->ios[io]->mailbox, p->asked[vif].number[io]))
            return false;
    }
    return true;
}

static struct io *drain_of(struct primary *p, uint32_t vif)
{
    return p->ios[fabric_drain(p->fabric, vif)];
}

static void gen_store(struct primary *p, uint32_t vif, uint32_t gen)
{
    // Release: pairs with fdb_find_gen()'s acquire; the entry that led to another generation is gone before.
    atomic_store_explicit(&fabric_vif(p->fabric, vif)->gen, gen, memory_order_release);
}

// The counters of generation gen begin: at 0, or where those of a generation from since on have come to.
static void wire_begin(struct state_wire *w, uint32_t gen, uint32_t since)
{
    if (state_gen_of(atomic_load_explicit(&w->gen, memory_order_relaxed), since, gen)) {
        atomic_store_explicit(&w->gen, gen, memory_order_release);
        return;
    }
    atomic_store_explicit(&w->gen, 0, memory_order_release);
    for (uint32_t i = 0; i < WIRE_COUNTERS; i++)
        atomic_store_explicit(&w->counters[i], 0, memory_order_relaxed);
    for (uint32_t i = 0; i < WIRE_DROPS; i++)
        atomic_store_explicit(&w->drops[i], 0, memory_order_relaxed);
    atomic_store_explicit(&w->gen, gen, memory_order_release);
}

static uint32_t vif_flags(const struct primary *p, const struct msg_port_vif *m)
{
    return m->flags | (p->n_nics > 0 ? FABRIC_VIF_UPLINK : 0);
}

static void record_write(struct primary *p, uint32_t vif)
{
    struct fabric_vif *fv = fabric_vif(p->fabric, vif);
    const struct vif_view *v = &p->vifs[vif];

    fv->io = v->io;
    fv->port = p->n_nics > 0 ? p->nics[v->port].port : UINT16_MAX;
    fv->vlan = v->vlan;
    memcpy(fv->mac, v->mac, sizeof(fv->mac));
    atomic_store_explicit(&fv->flags, v->flags, memory_order_relaxed);
}

static uint32_t pools_of(const struct primary *p, uint32_t domid)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->n_nics; i++)
        n += nic_pools_of(&p->nics[i], domid);
    return n;
}

static int vif_check(struct primary *p, const struct msg_port_vif *m)
{
    if (p->n_nics > 0 && m->port >= p->n_nics)
        return -ENODEV;
    if (m->ctx < p->n_io || m->ctx >= fabric_contexts(p->fabric))
        return -ERANGE;
    if (p->n_nics > 0 && nic_pool(&p->nics[m->port], m->vif) != NIC_POOL_NONE && pools_of(p, m->domid) >= m->pools)
        return -EDQUOT;
    return address_check(p, m);
}

// Give the row back to its drain, if it left it.
static void row_back(struct primary *p, uint32_t vif)
{
    if (!p->asked[vif].left)
        return;
    ask(p, drain_of(p, vif), IO_ROW_TAKE, vif, NULL);
    p->asked[vif].left = false;
}

// Nobody new finds the vif. Its MAC, tag and uplink are remembered.
static void vif_hide(struct primary *p, uint32_t vif)
{
    struct vif_view *v = &p->vifs[vif];

    address_close(p, vif);
    gen_store(p, vif, 0);
    if (p->n_nics > 0)
        nic_vif_remove(&p->nics[v->port], vif);
    v->gen = v->flags = 0;
}

static void vif_close(struct primary *p, uint32_t vif)
{
    log_line(vif_line(p, vif), "vif %u: generation %u closed", vif, p->vifs[vif].gen);
    vif_hide(p, vif);
    ask_all(p, vif);
    row_back(p, vif);
}

// Choose the vif's uplink, pool and I/O lcore.
static void place(struct primary *p, uint32_t vif, uint32_t port)
{
    struct vif_view *v = &p->vifs[vif];
    const struct nic *nic = &p->nics[port];

    p->pools[vif] = NIC_POOL_NONE;
    v->io = (uint16_t)(vif % p->n_io);
    if (p->n_nics == 0)
        return;
    v->port = (uint16_t)port;
    v->pool = vmdq_pool(&nic->plan, vif);
    v->io = (uint16_t)((port + nic_lcore(nic, v->pool)) % p->n_io);
    p->pools[vif] = nic_pool(nic, vif);
}

static int vif_open(struct primary *p, const struct msg_port_vif *m)
{
    struct vif_view *v = &p->vifs[m->vif];
    int ret = 0;

    // What was closed with this number.
    address_forget(p, (uint16_t)m->vif);
    p->since[m->vif] = m->since;
    *v = (struct vif_view){ .gen = m->gen,
        .flags = vif_flags(p, m),
        .vlan = (uint16_t)m->vlan,
        .domid = m->domid,
        .ctx = m->ctx,
        .rules = m->rules };
    memcpy(v->mac, m->mac, sizeof(v->mac));
    place(p, m->vif, m->port);
    wire_begin(&p->state->wires[m->vif], m->gen, m->since);
    record_write(p, m->vif);
    fabric_own(p->fabric, m->vif, m->ctx);
    gen_store(p, m->vif, m->gen);
    if (p->n_nics > 0)
        ret = nic_vif_add(&p->nics[v->port], m->vif, m->domid);
    if (ret == 0 && (m->flags & MSG_VIF_MAC_LENT) == 0)
        ret = address_take(p, m->vif, m->mac);
    if (ret < 0) {
        vif_hide(p, m->vif);
        return ret;
    }
    ask(p, p->ios[v->io], IO_DRAIN, m->vif, v);
    ask_all(p, m->vif);
    return -EAGAIN;
}

static void registered_say(struct primary *p, uint32_t vif)
{
    const struct vif_view *v = &p->vifs[vif];

    if (p->asked[vif].said == v->gen)
        return;
    p->asked[vif].said = v->gen;
    log_line(vif_line(p, vif), "DATA: (%u) MAC_ADDRESS " MAC_FMT " and VLAN_TAG %u registered.", vif, MAC_BYTES(v->mac),
        v->vlan);
}

// The same generation again: only what may change while it runs.
static int vif_update(struct primary *p, const struct msg_port_vif *m)
{
    struct vif_view *v = &p->vifs[m->vif];
    bool other = memcmp(m->mac, v->mac, sizeof(v->mac)) != 0, lent = (m->flags & MSG_VIF_MAC_LENT) != 0;
    uint32_t flags = vif_flags(p, m);
    int ret;

    if (flags == v->flags && !other) {
        registered_say(p, m->vif);
        return 0;
    }
    ret = address_check(p, m);
    if (ret == 0 && !lent)
        ret = address_take(p, m->vif, m->mac);
    if (ret < 0)
        return ret;
    if (other || lent)
        address_drop(p, m->vif);
    memcpy(v->mac, m->mac, sizeof(v->mac));
    v->flags = flags;
    record_write(p, m->vif);
    ask_all(p, m->vif);
    return -EAGAIN;
}

// Go on towards what m says, as far as it goes before I/O lcores have something to do: then -EAGAIN.
static int vif_go_on(struct primary *p, const struct msg_port_vif *m)
{
    bool is = vif_is_open(p, m->vif, m->gen), free = p->vifs[m->vif].gen == 0;
    int ret;

    if (m->up && is)
        return vif_update(p, m);
    if (!m->up && !is) { // an earlier generation, or never opened here: it is closed
        if (free)
            row_back(p, m->vif);
        return 0;
    }
    if (!free) {
        vif_close(p, m->vif);
        return -EAGAIN;
    }
    ret = vif_check(p, m);
    if (ret == 0 && !p->asked[m->vif].left) {
        ask(p, drain_of(p, m->vif), IO_ROW_LEAVE, m->vif, NULL);
        p->asked[m->vif].left = true;
        return -EAGAIN;
    }
    if (ret == 0)
        ret = vif_open(p, m);
    if (ret != -EAGAIN)
        row_back(p, m->vif);
    return ret;
}

int vif_set(struct primary *p, const struct msg_port_vif *m)
{
    int ret;

    if (m->vif >= p->fabric->max_vifs)
        return m->up ? -ERANGE : 0;
    do
        ret = asked_done(p, m->vif) ? vif_go_on(p, m) : -EINPROGRESS;
    while (ret == -EAGAIN);
    return ret;
}

void vifs_remember(struct primary *p)
{
    for (uint32_t i = 0; i < p->fabric->max_vifs && p->n_nics > 0; i++) {
        const struct state_binding *b = &p->state->bindings[i];
        struct vif_view *v = &p->vifs[i];
        uint8_t mac[6];
        uint16_t other;

        fdb_mac(b->mac, mac);
        if (b->last_gen == 0 || b->port >= p->n_nics || !mac_is_usable(mac))
            continue;
        *v = (struct vif_view){ .port = b->port, .vlan = b->vlan };
        memcpy(v->mac, mac, sizeof(v->mac));
        // Of two that had this MAC, the one that had it last.
        other = address_find(p, v->mac);
        if (other != FABRIC_VIF_NONE && (int32_t)(p->state->bindings[other].last_gen - b->last_gen) > 0)
            continue;
        address_forget(p, other);
        fdb_add(p->fabric, v->mac, (uint16_t)i);
        for (uint32_t io = 0; io < p->n_io; io++)
            p->ios[io]->vifs[i] = *v;
    }
}
