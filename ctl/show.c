/* SPDX-License-Identifier: BSD-3-Clause */
// show.c: text that a guest may have had a hand in (why a device is refused) reaches the terminal only as printable
// ASCII, and JSON only escaped.
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "show.h"

#define ROW_WORD(name, word, ...) word,
static const char *const tx_drop_names[] = { VIF_TX_DROPS(ROW_WORD) };
static const char *const rx_drop_names[] = { VIF_RX_DROPS(ROW_WORD) };
static const char *const wire_drop_names[] = { VIF_WIRE_DROPS(ROW_WORD) };
static const char *const wire_counter_names[] = { VIF_WIRE_COUNTERS(ROW_WORD) };
static const char *const port_drop_names[] = { PORT_DROPS(ROW_WORD) };
static const char *const port_counter_names[] = { PORT_COUNTERS(ROW_WORD) };
static const char *const fault_names[] = { RING_FAULTS(ROW_WORD) };

static const char *fault_name(uint32_t fault)
{
    return fault < RING_FAULT_COUNT ? fault_names[fault] : "unknown";
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

static void count(uint64_t *counts, const _Atomic uint64_t *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        counts[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
}

static void count_ledger(struct ring_pos *pos, const struct ledger *l, const struct msg_record *said)
{
    if (!state_gen_of(ledger_read(l, pos), said->since, said->gen))
        *pos = (struct ring_pos){ 0 }; // another device's
}

static void count_wire(struct show_vif *v, const struct state_wire *w)
{
    // Acquire: the primary sets the counters to 0 before it writes the generation.
    if (!state_gen_of(atomic_load_explicit(&w->gen, memory_order_acquire), v->said.since, v->said.gen))
        return;
    count(v->wire, w->counters, WIRE_COUNTERS);
    count(v->wire_drops, w->drops, WIRE_DROPS);
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

void show_count(struct show *sh, const struct state *s)
{
    for (uint32_t i = 0; i < sh->n_vifs; i++) {
        struct show_vif *v = &sh->vifs[i];

        if (v->said.vif >= FABRIC_VIFS_MAX || v->said.gen == 0)
            continue;
        count_ledger(&v->from, &s->vifs[v->said.vif].from, &v->said);
        count_ledger(&v->to, &s->vifs[v->said.vif].to, &v->said);
        count_wire(v, &s->wires[v->said.vif]);
    }
    for (uint32_t i = 0; i < STATE_PORTS_MAX; i++) {
        count_queues(&sh->ports[i], s->queues[i]);
        count(sh->ports[i].counters, s->ports[i].counters, PORT_COUNTER_COUNT);
        count(sh->ports[i].drops, s->ports[i].drops, PORT_DROP_COUNT);
        sh->ports[i].mtu = atomic_load_explicit(&s->ports[i].mtu, memory_order_relaxed);
    }
}

// The primary has that uplink, or had when it was last heard of.
static bool port_there(const struct show *sh, uint32_t port)
{
    return port < sh->sw.port && port < STATE_PORTS_MAX;
}

// A port is shown if it is there, or an earlier primary counted frames at it.
static bool port_known(const struct show *sh, uint32_t port)
{
    const struct show_port *p = &sh->ports[port];
    uint64_t any = 0;

    for (uint32_t i = 0; i < PORT_COUNTER_COUNT; i++)
        any |= p->counters[i];
    for (uint32_t i = 0; i < PORT_DROP_COUNT; i++)
        any |= p->drops[i];
    return any != 0 || port_there(sh, port);
}

// A device that was refused before its keys were read has no address.
static bool mac_known(const struct msg_record *m)
{
    static const uint8_t none[6];

    return memcmp(m->mac, none, sizeof(none)) != 0;
}

static void mac_text(char text[18], const struct msg_record *m, const char *otherwise)
{
    const uint8_t *b = m->mac;

    if (mac_known(m))
        snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    else
        snprintf(text, 18, "%s", otherwise);
}

static void table_text(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        fputc(*c >= 0x20 && *c < 0x7f ? *c : '?', out);
}

static void table_line(FILE *out, const char *what, const char *text)
{
    fprintf(out, "     %s", what);
    table_text(out, text);
    fputc('\n', out);
}

static void number_text(char *text, size_t n, uint32_t number, bool is, const char *otherwise)
{
    if (is)
        snprintf(text, n, "%u", number);
    else
        snprintf(text, n, "%s", otherwise);
}

static void table_drops(FILE *out, const uint64_t *drops, const char *const *names, uint32_t n, const char **lead)
{
    for (uint32_t i = 0; i < n; i++) {
        if (drops[i] == 0)
            continue;
        fprintf(out, "%s%s %" PRIu64, *lead, names[i], drops[i]);
        *lead = ", ";
    }
}

static void table_vif(FILE *out, const struct show_vif *v)
{
    const struct msg_record *m = &v->said;
    const char *const first = "     dropped: ";
    const char *lead = first;
    char vif[16], guest[16], pool[16], vlan[16], mac[18];

    number_text(vif, sizeof(vif), m->vif, m->vif < FABRIC_VIFS_MAX, "-");
    number_text(pool, sizeof(pool), m->pool, m->pool != UINT32_MAX, "-");
    number_text(vlan, sizeof(vlan), m->vlan, m->vlan != 0, "-");
    mac_text(mac, m, "-");
    number_text(guest, sizeof(guest), m->domid, m->domid != MSG_DOMID_ANY, "-");
    fprintf(out, "%4s %6s %6u  %-17s %5s %5s %10" PRIu64 " %12" PRIu64 " %10" PRIu64 " %12" PRIu64 "  ", vif, guest,
        m->device, mac, vlan, pool, v->from.frames, v->from.bytes, v->to.frames, v->to.bytes);
    table_text(out, m->state);
    fputc('\n', out);
    if (m->why[0] != '\0')
        table_line(out, "why: ", m->why);
    if (v->from.fault != RING_FAULT_NONE)
        table_line(out, "transmit ring broken: ", fault_name(v->from.fault));
    if (v->to.fault != RING_FAULT_NONE)
        table_line(out, "receive ring broken: ", fault_name(v->to.fault));
    table_drops(out, v->from.drops, tx_drop_names, TX_DROPS, &lead);
    table_drops(out, v->to.drops, rx_drop_names, RX_DROPS, &lead);
    table_drops(out, v->wire_drops, wire_drop_names, WIRE_DROPS, &lead);
    if (lead != first)
        fputc('\n', out);
}

// What follows a process' name and guest. Who may have been restarted says how often.
static void table_process(FILE *out, const struct msg_record *m, bool restarts)
{
    char pid[16], times[16];

    number_text(pid, sizeof(pid), (uint32_t)m->pid, m->pid > 0, "-");
    number_text(times, sizeof(times), m->restarts, restarts, "-");
    fprintf(out, " %7s %8s  ", pid, times);
    table_text(out, m->state);
    if (m->pid <= 0 && m->state[0] == '\0')
        fputs("not running", out);
    if (m->why[0] != '\0') {
        fputs(": ", out);
        table_text(out, m->why);
    }
    fputc('\n', out);
}

// Where a port has several queues: which I/O lcore polls which.
static void table_queues(FILE *out, const struct show_port *p)
{
    if (p->n_queues < 2)
        return;
    for (uint32_t io = 0; io < FABRIC_IO_MAX; io++) {
        bool any = false;

        for (uint32_t i = 0; i < p->n_queues; i++) {
            if (p->queues[i].io != io)
                continue;
            if (!any)
                fprintf(out, "       I/O lcore %u: queues", io);
            any = true;
            fprintf(out, " %u", p->queues[i].queue);
        }
        if (any)
            fputc('\n', out);
    }
}

// A column for each counter of a port, headed by its word: "rx_frames" is RX-FRAMES.
static void table_ports_head(FILE *out)
{
    fputs("\nUPLINK", out);
    for (uint32_t i = 0; i < PORT_COUNTER_COUNT; i++) {
        fprintf(out, " %*s", 10 - (int)strlen(port_counter_names[i]), "");
        for (const char *c = port_counter_names[i]; *c != '\0'; c++)
            fputc(*c == '_' ? '-' : *c - 'a' + 'A', out);
    }
    fputs("   MTU\n", out);
}

static void table_ports(const struct show *sh, FILE *out)
{
    bool any = false;

    for (uint32_t i = 0; i < STATE_PORTS_MAX; i++) {
        const struct show_port *p = &sh->ports[i];
        const char *const first = "  dropped: ";
        const char *lead = first;
        char mtu[16];

        if (!port_known(sh, i))
            continue;
        if (!any)
            table_ports_head(out);
        any = true;
        number_text(mtu, sizeof(mtu), p->mtu, p->mtu != 0, "-");
        fprintf(out, "%6u", i);
        for (uint32_t c = 0; c < PORT_COUNTER_COUNT; c++)
            fprintf(out, " %10" PRIu64, p->counters[c]);
        fprintf(out, " %5s", mtu);
        table_drops(out, p->drops, port_drop_names, PORT_DROP_COUNT, &lead);
        if (!port_there(sh, i))
            fputs("  not there any more", out);
        fputc('\n', out);
        table_queues(out, p);
    }
    if (!any && sh->sw.pid > 0)
        fputs("\nno uplink: guests reach each other only\n", out);
}

void show_table(const struct show *sh, FILE *out)
{
    fprintf(out, "PROCESS     GUEST     PID RESTARTS  STATE\n");
    fprintf(out, "xv-primary      -");
    table_process(out, &sh->sw, false);
    for (uint32_t i = 0; i < sh->n_guests; i++) {
        const struct msg_record *m = &sh->guests[i];

        fprintf(out, "xv-worker  %6u", m->domid);
        table_process(out, m, true);
    }
    if (sh->n_vifs > 0)
        fprintf(out, "\n VIF  GUEST DEVICE  MAC                VLAN  POOL  TX-FRAMES     TX-BYTES  RX-FRAMES     "
                     "RX-BYTES  STATE\n");
    for (uint32_t i = 0; i < sh->n_vifs; i++)
        table_vif(out, &sh->vifs[i]);
    table_ports(sh, out);
}

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

static void json_vif(FILE *out, const struct show *sh, const struct show_vif *v)
{
    const struct msg_record *m = &v->said;
    char mac[18];

    fputc('{', out);
    json_maybe(out, "vif", m->vif, m->vif < FABRIC_VIFS_MAX);
    json_maybe(out, "domid", m->domid, m->domid != MSG_DOMID_ANY);
    json_number(out, "device", m->device);
    json_maybe(out, "generation", m->gen, m->gen != 0);
    mac_text(mac, m, "");
    if (mac_known(m))
        json_text(out, "mac", mac);
    else
        fputs("\"mac\": null", out);
    fputs(", ", out);
    json_maybe(out, "vlan", m->vlan, m->vlan != 0);
    json_maybe(out, "pool", m->pool, m->pool != UINT32_MAX);
    json_maybe(out, "uplink", m->port, port_there(sh, m->port));
    json_number(out, "tx_frames", v->from.frames);
    json_number(out, "tx_bytes", v->from.bytes);
    json_number(out, "rx_frames", v->to.frames);
    json_number(out, "rx_bytes", v->to.bytes);
    json_text(out, "tx_fault", fault_name(v->from.fault));
    fputs(", ", out);
    json_text(out, "rx_fault", fault_name(v->to.fault));
    fputs(", ", out);
    json_state(out, m);
    fputs(", \"wire\": {", out);
    json_counts(out, v->wire, wire_counter_names, WIRE_COUNTERS, "}");
    fputs(", \"drops\": {", out);
    json_counts(out, v->from.drops, tx_drop_names, TX_DROPS, ", ");
    json_counts(out, v->to.drops, rx_drop_names, RX_DROPS, ", ");
    json_counts(out, v->wire_drops, wire_drop_names, WIRE_DROPS, "}}");
}

static void json_guest(FILE *out, const struct msg_record *m)
{
    fputc('{', out);
    json_number(out, "domid", m->domid);
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
    json_counts(out, p->counters, port_counter_names, PORT_COUNTER_COUNT, ", ");
    json_maybe(out, "mtu", p->mtu, p->mtu != 0);
    json_queues(out, p);
    fputs("\"drops\": {", out);
    json_counts(out, p->drops, port_drop_names, PORT_DROP_COUNT, "}}");
}

void show_json(const struct show *sh, FILE *out)
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
        if (!port_known(sh, i))
            continue;
        fprintf(out, "%s\n  ", sep);
        json_port(out, &sh->ports[i], i);
        sep = ",";
    }
    fputs("]}\n", out);
}
