/* SPDX-License-Identifier: BSD-3-Clause */
// sample.h: a switch with two guests and three devices, one of them refused with a text that wants to do harm.
#ifndef XV_SAMPLE_H
#define XV_SAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "show.h"

#define SAMPLE_NAME "web \"\\\n\xff"
#define SAMPLE_WHY "key \"0_ether_addr\" is \x1b[31m\\\n\xff"

static inline struct state *sample_state(void)
{
    struct state *s = aligned_alloc(STATE_PAGE, sizeof(*s));
    struct ring_pos *pos;

    memset(s, 0, sizeof(*s));
    for (uint32_t k = 3; k < 6; k++) {
        s->bindings[k].guest = 2;
        s->bindings[k].device = k;
    }
    ledger_start(&s->guests[2].vifs[FRONT_NETIF][3].from, 9, 9, 0);
    pos = ledger_begin(&s->guests[2].vifs[FRONT_NETIF][3].from);
    pos->frames = 1000;
    pos->bytes = 64000;
    pos->drops[DROP_TX_SPOOFED] = 5;
    pos->fault = RING_FAULT_CHAIN_LONG;
    ledger_commit(&s->guests[2].vifs[FRONT_NETIF][3].from, 0);
    ledger_start(&s->guests[2].vifs[FRONT_NETIF][3].to, 9, 9, 0);
    pos = ledger_begin(&s->guests[2].vifs[FRONT_NETIF][3].to);
    pos->frames = 7;
    pos->drops[DROP_RX_TOO_SMALL] = 1;
    ledger_commit(&s->guests[2].vifs[FRONT_NETIF][3].to, 0);
    s->wires[3].gen = 9;
    s->wires[3].counters[WIRE_RX_FRAMES] = 70;
    s->wires[3].drops[DROP_WIRE_RX_WRONG_TAG] = 3;
    // vif 4 was an earlier guest's: its counters are of generation 8.
    ledger_start(&s->guests[2].vifs[0][4].from, 8, 8, 0);
    pos = ledger_begin(&s->guests[2].vifs[0][4].from);
    pos->frames = 555;
    ledger_commit(&s->guests[2].vifs[0][4].from, 0);
    s->bindings[3].gen = 9;
    s->bindings[3].front.kind = FRONT_NETIF;
    s->bindings[3].front.netif.n_queues = 4;
    s->wires[4].gen = 8;
    s->wires[4].counters[WIRE_TX_FRAMES] = 555;
    // vif 5 is stopped: its worker didn't come to its last start, the primary did.
    ledger_start(&s->guests[2].vifs[0][5].to, 12, 12, 0);
    pos = ledger_begin(&s->guests[2].vifs[0][5].to);
    pos->frames = 333;
    ledger_commit(&s->guests[2].vifs[0][5].to, 0);
    ledger_start(&s->guests[2].vifs[0][5].from, 10, 10, 0); // another device's
    pos = ledger_begin(&s->guests[2].vifs[0][5].from);
    pos->frames = 555;
    ledger_commit(&s->guests[2].vifs[0][5].from, 0);
    s->wires[5].gen = 13;
    s->wires[5].drops[DROP_WIRE_RX_STOPPED] = 44;
    s->ports[0].counters[PORT_RX_FRAMES] = 100;
    s->ports[0].mtu = 1500;
    s->ports[0].drops[PORT_DROP_UNKNOWN_MAC] = 30;
    for (uint16_t i = 0; i < 4; i++) {
        s->queues[0][i].used = 1;
        s->queues[0][i].queue = i;
        s->queues[0][i].pool = i < 3 ? i : STATE_POOL_NONE;
        s->queues[0][i].io = i % 2;
        s->queues[0][i].rx_frames = 25;
    }
    s->queues[1][0].used = 1;
    return s;
}

static inline void sample_show(struct show *sh)
{
    struct msg_record m = { .kind = MSG_RECORD_SWITCH, .pid = 4000, .port = 2, .state = "running" };

    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_GUEST, .domid = 1, .pid = 4001, .restarts = 2, .state = "running" };
    strcpy(m.name, SAMPLE_NAME);
    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_GUEST, .domid = 2, .state = "waiting", .why = "no worker yet" };
    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_VIF,
        .domid = 1,
        .vif = 3,
        .gen = 9,
        .since = 9,
        .vlan = 1003,
        .pool = 3,
        .mac = { 0, 0, 0, 0, 0, 0x11 },
        .state = "running",
        .name = SAMPLE_NAME };
    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_VIF,
        .domid = 2,
        .vif = 4,
        .gen = 10,
        .since = 10,
        .vlan = 1004,
        .pool = UINT32_MAX,
        .mac = { 0, 0, 0, 0, 0, 0x22 },
        .state = "attaching" };
    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_VIF,
        .domid = 2,
        .device = 1,
        .vif = UINT32_MAX,
        .pool = UINT32_MAX,
        .port = UINT32_MAX,
        .state = "refused",
        .why = SAMPLE_WHY };
    show_add(sh, &m);
    m = (struct msg_record){ .kind = MSG_RECORD_VIF,
        .domid = MSG_DOMID_ANY,
        .vif = 5,
        .gen = 13,
        .since = 11,
        .vlan = 1005,
        .pool = UINT32_MAX,
        .mac = { 0, 0, 0, 0, 0, 0x33 },
        .state = "stopped",
        .why = "its domain, 3, is gone" };
    show_add(sh, &m);
}

#endif
