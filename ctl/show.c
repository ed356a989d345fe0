/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ether.h"
#include "ledger.h"
#include "show.h"

#define ROW_WORD(name, word, ...) word,
const char *const show_tx_drops[] = { VIF_TX_DROPS(ROW_WORD) };
const char *const show_rx_drops[] = { VIF_RX_DROPS(ROW_WORD) };
const char *const show_wire_drops[] = { VIF_WIRE_DROPS(ROW_WORD) };
const char *const show_wire_counters[] = { VIF_WIRE_COUNTERS(ROW_WORD) };
const char *const show_port_drops[] = { PORT_DROPS(ROW_WORD) };
const char *const show_port_counters[] = { PORT_COUNTERS(ROW_WORD) };
static const char *const fault_words[] = { RING_FAULTS(ROW_WORD) };

const char *show_fault(uint32_t fault)
{
    return fault < RING_FAULT_COUNT ? fault_words[fault] : "unknown";
}

int show_add(struct show *sh, const struct msg_record *said)
{
    void *p;

    switch (said->kind) {
    case MSG_RECORD_SWITCH:
        sh->sw = *said;
        return 0;
    case MSG_RECORD_GUEST:
        p = realloc(sh->guests, (sh->n_guests + 1) * sizeof(*sh->guests));
        if (p == NULL)
            return -ENOMEM;
        sh->guests = p;
        sh->guests[sh->n_guests++] = *said;
        return 0;
    case MSG_RECORD_VIF:
        p = realloc(sh->vifs, (sh->n_vifs + 1) * sizeof(*sh->vifs));
        if (p == NULL)
            return -ENOMEM;
        sh->vifs = p;
        sh->vifs[sh->n_vifs++] = (struct show_vif){ .said = *said };
        return 0;
    default:
        return 0;
    }
}

void show_fini(struct show *sh)
{
    free(sh->guests);
    free(sh->vifs);
    *sh = (struct show){ 0 };
}

bool show_keep(struct show *sh, uint32_t domid)
{
    uint32_t guests = 0, vifs = 0;

    for (uint32_t i = 0; i < sh->n_guests; i++)
        if (sh->guests[i].domid == domid)
            sh->guests[guests++] = sh->guests[i];
    for (uint32_t i = 0; i < sh->n_vifs; i++)
        if (sh->vifs[i].said.domid == domid)
            sh->vifs[vifs++] = sh->vifs[i];
    sh->n_guests = guests;
    sh->n_vifs = vifs;
    sh->one = true;
    return guests + vifs > 0;
}

static void count_queues(struct show_port *p, const struct state_queue *q)
{
    p->n_queues = 0;
    // Acquire: the primary writes what a queue is before it says that there is one.
    for (; p->n_queues < STATE_QUEUES_MAX && atomic_load_explicit(&q->used, memory_order_acquire) != 0; q++) {
        p->queues[p->n_queues++] = (struct show_queue){ .queue = q->queue,
            .pool = q->pool != STATE_POOL_NONE ? q->pool : UINT32_MAX,
            .io = q->io,
            .rx_frames = atomic_load_explicit(&q->rx_frames, memory_order_relaxed) };
    }
}

static uint32_t queues_of(const struct state_binding *b, uint32_t gen)
{
    if (b->gen != gen)
        return 0;
    return b->front.kind == FRONT_NETIF ? b->front.netif.n_queues : 1;
}

void show_count(struct show *sh, const struct state *s)
{
    for (uint32_t i = 0; i < sh->n_vifs; i++) {
        struct show_vif *v = &sh->vifs[i];
        const struct state_vif *ledgers;

        if (v->said.vif >= FABRIC_VIFS_MAX || v->said.gen == 0)
            continue;
        ledgers = state_vif_of(s, v->said.vif);
        if (ledgers != NULL) {
            ledger_count(&ledgers->from, v->said.since, v->said.gen, &v->from);
            ledger_count(&ledgers->to, v->said.since, v->said.gen, &v->to);
        }
        state_wire_count(&s->wires[v->said.vif], v->said.since, v->said.gen, v->wire, v->wire_drops);
        v->queues = queues_of(&s->bindings[v->said.vif], v->said.gen);
    }
    for (uint32_t i = 0; i < STATE_PORTS_MAX; i++) {
        count_queues(&sh->ports[i], s->queues[i]);
        state_count(sh->ports[i].counters, s->ports[i].counters, PORT_COUNTER_COUNT);
        state_count(sh->ports[i].drops, s->ports[i].drops, PORT_DROP_COUNT);
        sh->ports[i].mtu = atomic_load_explicit(&s->ports[i].mtu, memory_order_relaxed);
    }
}

bool show_port_there(const struct show *sh, uint32_t port)
{
    return port < sh->sw.port && port < STATE_PORTS_MAX;
}

bool show_port_known(const struct show *sh, uint32_t port)
{
    const struct show_port *p = &sh->ports[port];
    uint64_t any = 0;

    if (sh->one)
        return false;
    for (uint32_t i = 0; i < PORT_COUNTER_COUNT; i++)
        any |= p->counters[i];
    for (uint32_t i = 0; i < PORT_DROP_COUNT; i++)
        any |= p->drops[i];
    return any != 0 || show_port_there(sh, port);
}

bool show_mac_known(const struct msg_record *m)
{
    static const uint8_t none[6];

    return memcmp(m->mac, none, sizeof(none)) != 0;
}

void show_mac_text(char text[18], const struct msg_record *m, const char *otherwise)
{
    if (show_mac_known(m))
        snprintf(text, 18, MAC_FMT, MAC_BYTES(m->mac));
    else
        snprintf(text, 18, "%s", otherwise);
}
