/* SPDX-License-Identifier: BSD-3-Clause */
// metrics.c: each family is printed whole, its HELP first. No series is named twice: one that is makes Prometheus refuse
// all of them, and the watcher's list may change while it is read in parts. Types are counter and gauge alone, since
// node_exporter refuses a file that has others of OpenMetrics'.
#include <inttypes.h>
#include <string.h>

#include "metrics.h"

enum side { RX, TX, COPY };
#define SIDE(name, word, meaning, side) side,
static const enum side wire_sides[] = { VIF_WIRE_DROPS(SIDE) };
static const char *const side_words[] = { [RX] = "rx", [TX] = "tx", [COPY] = "tx" };

static void family(FILE *out, const char *name, const char *type, const char *unit, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    if (unit != NULL)
        fprintf(out, "# UNIT %s %s\n", name, unit);
}

// A label's value. A guest's name is its toolstack's, and what is no printable ASCII is no good in a query.
static void label(FILE *out, const char *lead, const char *name, const char *value)
{
    fprintf(out, "%s%s=\"", lead, name);
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else
            fputc(*c >= 0x20 && *c < 0x7f ? *c : '?', out);
    }
    fputc('"', out);
}

static void label_number(FILE *out, const char *lead, const char *name, uint32_t number, bool is)
{
    char text[16] = "";

    if (is)
        snprintf(text, sizeof(text), "%u", number);
    label(out, lead, name, text);
}

static void value(FILE *out, uint64_t n)
{
    fprintf(out, "} %" PRIu64 "\n", n);
}

// A sample of a guest, up to its own labels.
static void guest_sample(FILE *out, const char *name, const struct msg_record *m)
{
    fprintf(out, "%s{", name);
    label_number(out, "", "guest", m->domid, m->domid != MSG_DOMID_ANY);
    label(out, ",", "name", m->name);
}

static void vif_sample(FILE *out, const char *name, const struct show_vif *v)
{
    guest_sample(out, name, &v->said);
    label_number(out, ",", "device", v->said.device, true);
    label_number(out, ",", "vif", v->said.vif, true);
}

static void uplink_sample(FILE *out, const char *name, uint32_t uplink)
{
    fprintf(out, "%s{", name);
    label_number(out, "", "uplink", uplink, true);
}

// Returns true for the last record of that guest: the newest, if there are two.
static bool guest_counts(const struct show *sh, uint32_t i)
{
    for (uint32_t k = i + 1; k < sh->n_guests; k++) {
        if (sh->guests[k].domid == sh->guests[i].domid)
            return false;
    }
    return true;
}

// The same of a vif number. A device that was refused has none.
static bool vif_counts(const struct show *sh, uint32_t i)
{
    uint32_t vif = sh->vifs[i].said.vif;

    for (uint32_t k = i + 1; k < sh->n_vifs; k++) {
        if (sh->vifs[k].said.vif == vif)
            return false;
    }
    return vif < FABRIC_VIFS_MAX;
}

#define FOR_GUESTS(sh, m) \
    for (const struct msg_record *m = (sh)->guests; m < (sh)->guests + (sh)->n_guests; m++) \
        if (guest_counts(sh, (uint32_t)(m - (sh)->guests)))
#define FOR_VIFS(sh, v) \
    for (const struct show_vif *v = (sh)->vifs; v < (sh)->vifs + (sh)->n_vifs; v++) \
        if (vif_counts(sh, (uint32_t)(v - (sh)->vifs)))
#define FOR_UPLINKS(sh, i) \
    for (uint32_t i = 0; i < STATE_PORTS_MAX; i++) \
        if (show_port_known(sh, i))

static uint32_t refused(const struct show *sh, uint32_t domid)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < sh->n_vifs; i++)
        n += sh->vifs[i].said.domid == domid && strcmp(sh->vifs[i].said.state, "refused") == 0;
    return n;
}

static void processes(const struct show *sh, FILE *out)
{
    family(out, "xv_primary_up", "gauge", NULL, "1 if xv-primary runs.");
    fprintf(out, "xv_primary_up %u\n", sh->sw.pid > 0);
    family(out, "xv_worker_up", "gauge", NULL, "1 if the guest's xv-worker runs.");
    FOR_GUESTS(sh, m)
    {
        guest_sample(out, "xv_worker_up", m);
        value(out, m->pid > 0);
    }
    family(out, "xv_worker_restarts", "counter", NULL, "How often the guest's xv-worker was started again.");
    FOR_GUESTS(sh, m)
    {
        guest_sample(out, "xv_worker_restarts_total", m);
        value(out, m->restarts);
    }
    family(out, "xv_guest_refused_devices", "gauge", NULL, "Devices of the guest that are refused.");
    FOR_GUESTS(sh, m)
    {
        guest_sample(out, "xv_guest_refused_devices", m);
        value(out, refused(sh, m->domid));
    }
}

static void vif_states(const struct show *sh, FILE *out)
{
    family(out, "xv_vif_info", "gauge", NULL, "What the device is; always 1.");
    FOR_VIFS(sh, v)
    {
        char mac[18];

        show_mac_text(mac, &v->said, "");
        vif_sample(out, "xv_vif_info", v);
        label(out, ",", "mac", mac);
        label_number(out, ",", "vlan", v->said.vlan, v->said.vlan != 0);
        label_number(out, ",", "uplink", v->said.port, show_port_there(sh, v->said.port));
        label(out, ",", "state", v->said.state);
        value(out, 1);
    }
    family(out, "xv_vif_up", "gauge", NULL, "1 if the device is running.");
    FOR_VIFS(sh, v)
    {
        vif_sample(out, "xv_vif_up", v);
        value(out, strcmp(v->said.state, "running") == 0);
    }
    family(out, "xv_vif_ring_broken", "gauge", NULL, "1 if the guest broke the ring of that direction.");
    FOR_VIFS(sh, v)
    {
        vif_sample(out, "xv_vif_ring_broken", v);
        label(out, ",", "direction", "rx");
        value(out, v->to.fault != RING_FAULT_NONE);
        vif_sample(out, "xv_vif_ring_broken", v);
        label(out, ",", "direction", "tx");
        value(out, v->from.fault != RING_FAULT_NONE);
    }
    family(out, "xv_vif_queues", "gauge", NULL, "Queues of the device in each direction.");
    FOR_VIFS(sh, v)
    {
        vif_sample(out, "xv_vif_queues", v);
        value(out, v->queues);
    }
}

static void both_ways(FILE *out, const char *sample, const struct show_vif *v, uint64_t rx, uint64_t tx)
{
    vif_sample(out, sample, v);
    label(out, ",", "direction", "rx");
    value(out, rx);
    vif_sample(out, sample, v);
    label(out, ",", "direction", "tx");
    value(out, tx);
}

static void vif_frames(const struct show *sh, FILE *out)
{
    family(out, "xv_vif_frames", "counter", "frames", "Frames to (rx) and from (tx) the guest.");
    FOR_VIFS(sh, v) both_ways(out, "xv_vif_frames_total", v, v->to.frames, v->from.frames);
    family(out, "xv_vif_bytes", "counter", "bytes", "Their bytes.");
    FOR_VIFS(sh, v) both_ways(out, "xv_vif_bytes_total", v, v->to.bytes, v->from.bytes);
    family(out, "xv_vif_wire_frames", "counter", "frames",
        "Frames from the uplinks to the guest (rx), and from it that the NIC took (tx).");
    FOR_VIFS(sh, v)
    both_ways(out, "xv_vif_wire_frames_total", v, v->wire[WIRE_RX_FRAMES], v->wire[WIRE_TX_FRAMES]);
    family(out, "xv_vif_wire_bytes", "counter", "bytes", "Their bytes.");
    FOR_VIFS(sh, v) both_ways(out, "xv_vif_wire_bytes_total", v, v->wire[WIRE_RX_BYTES], v->wire[WIRE_TX_BYTES]);
    family(out, "xv_vif_group_frames", "counter", "frames",
        "Broadcasts and multicasts of the guest that were copied to others.");
    FOR_VIFS(sh, v)
    {
        vif_sample(out, "xv_vif_group_frames_total", v);
        value(out, v->wire[WIRE_GROUP_FRAMES]);
    }
}

static void vif_drop(FILE *out, const struct show_vif *v, enum side side, const char *reason, uint64_t n)
{
    vif_sample(out, "xv_vif_dropped_frames_total", v);
    label(out, ",", "direction", side_words[side]);
    label(out, ",", "reason", reason);
    value(out, n);
}

static void vif_drops(const struct show *sh, FILE *out)
{
    family(
        out, "xv_vif_dropped_frames", "counter", "frames", "Frames to (rx) and from (tx) the guest that were dropped.");
    FOR_VIFS(sh, v)
    {
        for (uint32_t i = 0; i < TX_DROPS; i++)
            vif_drop(out, v, TX, show_tx_drops[i], v->from.drops[i]);
        for (uint32_t i = 0; i < RX_DROPS; i++)
            vif_drop(out, v, RX, show_rx_drops[i], v->to.drops[i]);
        for (uint32_t i = 0; i < WIRE_DROPS; i++)
            vif_drop(out, v, wire_sides[i], show_wire_drops[i], v->wire_drops[i]);
    }
}

static void uplinks(const struct show *sh, FILE *out)
{
    family(out, "xv_uplink_up", "gauge", NULL, "1 if xv-primary has the uplink, 0 if an earlier one had it.");
    FOR_UPLINKS(sh, i)
    {
        uplink_sample(out, "xv_uplink_up", i);
        value(out, show_port_there(sh, i));
    }
    family(out, "xv_uplink_mtu_bytes", "gauge", "bytes", "The MTU in force; 0 if it is not known.");
    FOR_UPLINKS(sh, i)
    {
        uplink_sample(out, "xv_uplink_mtu_bytes", i);
        value(out, sh->ports[i].mtu);
    }
    family(out, "xv_uplink_frames", "counter", "frames", "Frames that the NIC received (rx) and took (tx).");
    FOR_UPLINKS(sh, i)
    {
        uplink_sample(out, "xv_uplink_frames_total", i);
        label(out, ",", "direction", "rx");
        value(out, sh->ports[i].counters[PORT_RX_FRAMES]);
        uplink_sample(out, "xv_uplink_frames_total", i);
        label(out, ",", "direction", "tx");
        value(out, sh->ports[i].counters[PORT_TX_FRAMES]);
    }
    family(out, "xv_uplink_dropped_frames", "counter", "frames", "Frames from the wire that were for no device.");
    FOR_UPLINKS(sh, i)
    {
        for (uint32_t k = 0; k < PORT_DROP_COUNT; k++) {
            uplink_sample(out, "xv_uplink_dropped_frames_total", i);
            label(out, ",", "reason", show_port_drops[k]);
            value(out, sh->ports[i].drops[k]);
        }
    }
    family(out, "xv_uplink_queue_frames", "counter", "frames", "Frames that came in at a receive queue.");
    FOR_UPLINKS(sh, i)
    {
        for (const struct show_queue *q = sh->ports[i].queues; q < sh->ports[i].queues + sh->ports[i].n_queues; q++) {
            uplink_sample(out, "xv_uplink_queue_frames_total", i);
            label_number(out, ",", "queue", q->queue, true);
            label_number(out, ",", "pool", q->pool, q->pool != UINT32_MAX);
            label_number(out, ",", "io", q->io, true);
            value(out, q->rx_frames);
        }
    }
}

void metrics_print(const struct show *sh, FILE *out)
{
    processes(sh, out);
    vif_states(sh, out);
    vif_frames(sh, out);
    vif_drops(sh, out);
    uplinks(sh, out);
    fputs("# EOF\n", out);
}
