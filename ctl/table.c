/* SPDX-License-Identifier: BSD-3-Clause */
// table.c: text that a guest may have had a hand in (why a device is refused) reaches the terminal only as printable ASCII.
#include <inttypes.h>
#include <string.h>

#include "table.h"

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

static void table_rates(FILE *out, const struct rates *r)
{
    const struct {
        uint32_t most;
        const char *of;
    } limits[] = { { r->sends.kbps, "kbit/s sent" }, { r->sends.fps, "frames/s sent" },
        { r->gets.kbps, "kbit/s received" }, { r->gets.fps, "frames/s received" } };
    const char *lead = "     limits: ";

    if (!rate_is(&r->sends) && !rate_is(&r->gets))
        return;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (limits[i].most == 0)
            continue;
        fprintf(out, "%s%u %s", lead, limits[i].most, limits[i].of);
        lead = ", ";
    }
    fprintf(out, "; bursts of %u ms\n", r->burst_ms);
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
    show_mac_text(mac, m, "-");
    number_text(guest, sizeof(guest), m->domid, m->domid != MSG_DOMID_ANY, "-");
    fprintf(out, "%4s %6s %6u  %-17s %5s %5s %10" PRIu64 " %12" PRIu64 " %10" PRIu64 " %12" PRIu64 "  ", vif, guest,
        m->device, mac, vlan, pool, v->from.frames, v->from.bytes, v->to.frames, v->to.bytes);
    table_text(out, m->state);
    fputc('\n', out);
    if (m->why[0] != '\0')
        table_line(out, "why: ", m->why);
    if (v->queues > 1)
        fprintf(out, "     %u queues\n", v->queues);
    table_rates(out, &m->rates);
    if (v->from.fault != RING_FAULT_NONE)
        table_line(out, "transmit ring broken: ", show_fault(v->from.fault));
    if (v->to.fault != RING_FAULT_NONE)
        table_line(out, "receive ring broken: ", show_fault(v->to.fault));
    table_drops(out, v->from.drops, show_tx_drops, TX_DROPS, &lead);
    table_drops(out, v->to.drops, show_rx_drops, RX_DROPS, &lead);
    table_drops(out, v->wire_drops, show_wire_drops, WIRE_DROPS, &lead);
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
    if (m->name[0] != '\0') {
        fputs("  (", out);
        table_text(out, m->name);
        fputc(')', out);
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
        fprintf(out, " %*s", 10 - (int)strlen(show_port_counters[i]), "");
        for (const char *c = show_port_counters[i]; *c != '\0'; c++)
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

        if (!show_port_known(sh, i))
            continue;
        if (!any)
            table_ports_head(out);
        any = true;
        number_text(mtu, sizeof(mtu), p->mtu, p->mtu != 0, "-");
        fprintf(out, "%6u", i);
        for (uint32_t c = 0; c < PORT_COUNTER_COUNT; c++)
            fprintf(out, " %10" PRIu64, p->counters[c]);
        fprintf(out, " %5s", mtu);
        table_drops(out, p->drops, show_port_drops, PORT_DROP_COUNT, &lead);
        if (!show_port_there(sh, i))
            fputs("  not there any more", out);
        fputc('\n', out);
        table_queues(out, p);
    }
    if (!any && sh->sw.pid > 0 && !sh->one)
        fputs("\nno uplink: guests reach each other only\n", out);
}

void table_print(const struct show *sh, FILE *out)
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
