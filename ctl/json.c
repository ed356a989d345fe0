/* SPDX-License-Identifier: BSD-3-Clause */
// json.c: text that a guest may have had a hand in (why a device is refused) is escaped.
#include <inttypes.h>

#include "json.h"

static void json_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\": \"", key);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c >= 0x20 && *c < 0x7f)
            fputc(*c, out);
        else
            fprintf(out, "\\u%04x", *c);
    }
    fputc('"', out);
}

static void json_number(FILE *out, const char *key, uint64_t number)
{
    fprintf(out, "\"%s\": %" PRIu64 ", ", key, number);
}

static void json_maybe(FILE *out, const char *key, uint32_t number, bool is)
{
    if (is)
        json_number(out, key, number);
    else
        fprintf(out, "\"%s\": null, ", key);
}

// The state and why of a record, which end each object but a vif's.
static void json_state(FILE *out, const struct msg_record *m)
{
    json_text(out, "state", m->state);
    fputs(", ", out);
    json_text(out, "why", m->why);
}

static void json_counts(FILE *out, const uint64_t *counts, const char *const *names, uint32_t n, const char *end)
{
    for (uint32_t i = 0; i < n; i++)
        fprintf(out, "\"%s\": %" PRIu64 "%s", names[i], counts[i], i + 1 < n ? ", " : end);
}

static void json_rates(FILE *out, const struct rates *r)
{
    fputs("\"limits\": {", out);
    json_maybe(out, "tx_kbps", r->sends.kbps, r->sends.kbps != 0);
    json_maybe(out, "tx_fps", r->sends.fps, r->sends.fps != 0);
    json_maybe(out, "rx_kbps", r->gets.kbps, r->gets.kbps != 0);
    json_maybe(out, "rx_fps", r->gets.fps, r->gets.fps != 0);
    fprintf(out, "\"burst_ms\": %u}, ", r->burst_ms);
}

static void json_vif(FILE *out, const struct show *sh, const struct show_vif *v)
{
    const struct msg_record *m = &v->said;
    char mac[18];

    fputc('{', out);
    json_maybe(out, "vif", m->vif, m->vif < FABRIC_VIFS_MAX);
    json_maybe(out, "domid", m->domid, m->domid != MSG_DOMID_ANY);
    json_number(out, "device", m->device);
    json_maybe(out, "generation", m->gen, m->gen != 0);
    show_mac_text(mac, m, "");
    if (show_mac_known(m))
        json_text(out, "mac", mac);
    else
        fputs("\"mac\": null", out);
    fputs(", ", out);
    json_maybe(out, "vlan", m->vlan, m->vlan != 0);
    json_maybe(out, "pool", m->pool, m->pool != UINT32_MAX);
    json_maybe(out, "uplink", m->port, show_port_there(sh, m->port));
    json_maybe(out, "queues", v->queues, v->queues != 0);
    json_number(out, "tx_frames", v->from.frames);
    json_number(out, "tx_bytes", v->from.bytes);
    json_number(out, "rx_frames", v->to.frames);
    json_number(out, "rx_bytes", v->to.bytes);
    json_rates(out, &m->rates);
    json_text(out, "tx_fault", show_fault(v->from.fault));
    fputs(", ", out);
    json_text(out, "rx_fault", show_fault(v->to.fault));
    fputs(", ", out);
    json_state(out, m);
    fputs(", \"wire\": {", out);
    json_counts(out, v->wire, show_wire_counters, WIRE_COUNTERS, "}");
    fputs(", \"drops\": {", out);
    json_counts(out, v->from.drops, show_tx_drops, TX_DROPS, ", ");
    json_counts(out, v->to.drops, show_rx_drops, RX_DROPS, ", ");
    json_counts(out, v->wire_drops, show_wire_drops, WIRE_DROPS, "}}");
}

static void json_guest(FILE *out, const struct msg_record *m)
{
    fputc('{', out);
    json_number(out, "domid", m->domid);
    json_text(out, "name", m->name);
    fputs(", ", out);
    json_maybe(out, "pid", (uint32_t)m->pid, m->pid > 0);
    json_number(out, "restarts", m->restarts);
    json_state(out, m);
    fputc('}', out);
}

static void json_queues(FILE *out, const struct show_port *p)
{
    fputs("\"queues\": [", out);
    for (uint32_t i = 0; i < p->n_queues; i++) {
        const struct show_queue *q = &p->queues[i];

        fputs(i > 0 ? ", {" : "{", out);
        json_number(out, "queue", q->queue);
        json_maybe(out, "pool", q->pool, q->pool != UINT32_MAX);
        json_number(out, "io", q->io);
        fprintf(out, "\"rx_frames\": %" PRIu64 "}", q->rx_frames);
    }
    fputs("], ", out);
}

static void json_port(FILE *out, const struct show_port *p, uint32_t i)
{
    fputc('{', out);
    json_number(out, "uplink", i);
    json_counts(out, p->counters, show_port_counters, PORT_COUNTER_COUNT, ", ");
    json_maybe(out, "mtu", p->mtu, p->mtu != 0);
    json_queues(out, p);
    fputs("\"drops\": {", out);
    json_counts(out, p->drops, show_port_drops, PORT_DROP_COUNT, "}}");
}

void json_print(const struct show *sh, FILE *out)
{
    const char *sep = "";

    fputs("{\"switch\": {", out);
    json_maybe(out, "pid", (uint32_t)sh->sw.pid, sh->sw.pid > 0);
    json_state(out, &sh->sw);
    fputs("},\n \"guests\": [", out);
    for (uint32_t i = 0; i < sh->n_guests; i++) {
        fputs(i > 0 ? ",\n  " : "\n  ", out);
        json_guest(out, &sh->guests[i]);
    }
    fputs("],\n \"vifs\": [", out);
    for (uint32_t i = 0; i < sh->n_vifs; i++) {
        fputs(i > 0 ? ",\n  " : "\n  ", out);
        json_vif(out, sh, &sh->vifs[i]);
    }
    fputs("],\n \"uplinks\": [", out);
    for (uint32_t i = 0; i < STATE_PORTS_MAX; i++) {
        if (!show_port_known(sh, i))
            continue;
        fprintf(out, "%s\n  ", sep);
        json_port(out, &sh->ports[i], i);
        sep = ",";
    }
    fputs("]}\n", out);
}
