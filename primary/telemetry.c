/* SPDX-License-Identifier: BSD-3-Clause */
// telemetry.c: what is asked runs in a thread of EAL's, one a client, beside all others, until the process is gone. So it
// takes no lock and changes nothing: it has a mapping of the state file of its own, which can't write and is never taken
// away.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include "ether.h"
#include "fdb.h"
#include "number.h"
#include "owner.h"
#include "statefile.h"
#include "telemetry.h"

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#define rte_tel_data_add_array_uint rte_tel_data_add_array_u64
#define RTE_TEL_UINT_VAL RTE_TEL_U64_VAL
#endif

static const struct primary *primary;
static const struct state *_Atomic view; // NULL: not yet

#define ROW_WORD(name, word, ...) word,
static const char *const tx_drops[] = { VIF_TX_DROPS(ROW_WORD) };
static const char *const rx_drops[] = { VIF_RX_DROPS(ROW_WORD) };
static const char *const wire_drop_words[] = { VIF_WIRE_DROPS(ROW_WORD) };
static const char *const wire_counters[] = { VIF_WIRE_COUNTERS(ROW_WORD) };
static const char *const port_drops[] = { PORT_DROPS(ROW_WORD) };
static const char *const port_counters[] = { PORT_COUNTERS(ROW_WORD) };
static const char *const fault_words[] = { RING_FAULTS(ROW_WORD) };
#define KIND_WORD(NAME, name) [FRONT_##NAME] = #name,
static const char *const kind_words[FRONT_KINDS_MAX] = { FRONT_KIND_LIST(KIND_WORD) };

static void tell_words(struct rte_tel_data *d, const char *const *words, const uint64_t *counts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        rte_tel_data_add_dict_uint(d, words[i], counts[i]);
}

// What a command without a parameter answers: the numbers that may be given.
static int tell_numbers(struct rte_tel_data *d, const uint32_t *numbers, uint32_t n)
{
    rte_tel_data_start_array(d, RTE_TEL_UINT_VAL);
    for (uint32_t i = 0; i < n; i++)
        rte_tel_data_add_array_uint(d, numbers[i]);
    return 0;
}

static int tell_member(struct rte_tel_data *d, const char *name, struct rte_tel_data *member)
{
    int ret = rte_tel_data_add_dict_container(d, name, member, 0);

    if (ret < 0)
        rte_tel_data_free(member);
    return ret;
}

static struct rte_tel_data *member_array(void)
{
    struct rte_tel_data *d = rte_tel_data_alloc();

    if (d != NULL)
        rte_tel_data_start_array(d, RTE_TEL_UINT_VAL);
    return d;
}

static struct rte_tel_data *member_dict(void)
{
    struct rte_tel_data *d = rte_tel_data_alloc();

    if (d != NULL)
        rte_tel_data_start_dict(d);
    return d;
}

static int tell_counts(
    struct rte_tel_data *d, const char *name, const char *const *words, const uint64_t *counts, uint32_t n)
{
    struct rte_tel_data *member = member_dict();

    if (member == NULL)
        return -ENOMEM;
    tell_words(member, words, counts, n);
    return tell_member(d, name, member);
}

static int guests(const struct state *s, const char *param, struct rte_tel_data *d)
{
    uint32_t domids[FABRIC_VIFS_MAX], domid, n = 0;
    struct rte_tel_data *vifs;
    struct state_binding b;

    if (param == NULL)
        return tell_numbers(d, domids, owner_domids(s, domids));
    if (number_domid(param, &domid) < 0)
        return -EINVAL;
    vifs = member_array();
    if (vifs == NULL)
        return -ENOMEM;
    rte_tel_data_start_dict(d);
    rte_tel_data_add_dict_uint(d, "domid", domid);
    for (uint32_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        if (!owner_binding(s, vif, &b) || b.gone != 0 || b.domid != domid)
            continue;
        if (n++ == 0)
            rte_tel_data_add_dict_string(d, "uuid", b.uuid);
        rte_tel_data_add_array_uint(vifs, vif);
    }
    return tell_member(d, "vifs", vifs) < 0 || n == 0 ? -ENOENT : 0;
}

static int vif_asked(const struct state *s, const char *param, uint32_t *vif, struct owner *o)
{
    if (number_parse(param, 10, FABRIC_VIFS_MAX - 1, vif) < 0)
        return -EINVAL;
    return owner_read(s, *vif, o) ? 0 : -ENOENT;
}

static const char *fault_text(uint16_t fault)
{
    return fault < RING_FAULT_COUNT ? fault_words[fault] : "unknown";
}

static void tell_owner(struct rte_tel_data *d, uint32_t vif, const struct state_binding *b)
{
    uint32_t pool = __atomic_load_n(&primary->pools[vif], __ATOMIC_RELAXED);
    uint8_t mac[6];
    char text[18];

    fdb_mac(atomic_load_explicit(&b->mac, memory_order_relaxed), mac);
    snprintf(text, sizeof(text), MAC_FMT, MAC_BYTES(mac));
    rte_tel_data_add_dict_uint(d, "vif", vif);
    if (b->gone == 0)
        rte_tel_data_add_dict_uint(d, "domid", b->domid);
    rte_tel_data_add_dict_uint(d, "device", b->device);
    rte_tel_data_add_dict_string(
        d, "kind", b->front.kind < FRONT_KINDS && b->front.kind != FRONT_NONE ? kind_words[b->front.kind] : "none");
    rte_tel_data_add_dict_string(d, "mac", text);
    rte_tel_data_add_dict_uint(d, "vlan", b->vlan);
    rte_tel_data_add_dict_uint(d, "uplink", b->port);
    rte_tel_data_add_dict_uint(d, "attached", b->gen != 0);
    if (b->gen != 0 && pool != NIC_POOL_NONE)
        rte_tel_data_add_dict_uint(d, "pool", pool);
}

static int vifs(const struct state *s, const char *param, struct rte_tel_data *d)
{
    uint32_t numbers[FABRIC_VIFS_MAX], vif;
    struct owner o;
    int ret;

    if (param == NULL)
        return tell_numbers(d, numbers, owner_vifs(s, numbers));
    ret = vif_asked(s, param, &vif, &o);
    if (ret < 0)
        return ret;
    rte_tel_data_start_dict(d);
    tell_owner(d, vif, &o.is);
    rte_tel_data_add_dict_uint(d, "tx_frames", o.from.frames);
    rte_tel_data_add_dict_uint(d, "tx_bytes", o.from.bytes);
    rte_tel_data_add_dict_uint(d, "rx_frames", o.to.frames);
    rte_tel_data_add_dict_uint(d, "rx_bytes", o.to.bytes);
    rte_tel_data_add_dict_string(d, "tx_fault", fault_text(o.from.fault));
    rte_tel_data_add_dict_string(d, "rx_fault", fault_text(o.to.fault));
    return tell_counts(d, "wire", wire_counters, o.wire, WIRE_COUNTERS);
}

// Without a parameter the sums of all devices.
static int drops(const struct state *s, const char *param, struct rte_tel_data *d)
{
    struct owner sum = { 0 }, o;
    uint32_t vif;
    int ret = 0;

    if (param != NULL)
        ret = vif_asked(s, param, &vif, &sum);
    for (vif = 0; param == NULL && vif < FABRIC_VIFS_MAX; vif++) {
        if (owner_read(s, vif, &o))
            owner_add(&sum, &o);
    }
    if (ret < 0)
        return ret;
    rte_tel_data_start_dict(d);
    tell_words(d, tx_drops, sum.from.drops, TX_DROPS);
    tell_words(d, rx_drops, sum.to.drops, RX_DROPS);
    tell_words(d, wire_drop_words, sum.wire_drops, WIRE_DROPS);
    return 0;
}

// The uplink that is asked for. Returns 1 if none is, and then answers with all.
static int uplink_asked(const char *param, uint32_t *uplink, struct rte_tel_data *d)
{
    uint32_t all[STATE_PORTS_MAX], n = primary->n_nics;

    if (param != NULL)
        return n == 0 || number_parse(param, 10, n - 1, uplink) < 0 ? -EINVAL : 0;
    for (uint32_t i = 0; i < n; i++)
        all[i] = i;
    tell_numbers(d, all, n);
    return 1;
}

static int uplinks(const struct state *s, const char *param, struct rte_tel_data *d)
{
    uint64_t counters[PORT_COUNTER_COUNT], dropped[PORT_DROP_COUNT];
    const struct nic *nic;
    uint32_t uplink;
    int ret;

    ret = uplink_asked(param, &uplink, d);
    if (ret != 0)
        return ret < 0 ? ret : 0;
    nic = &primary->nics[uplink];
    state_count(counters, s->ports[uplink].counters, PORT_COUNTER_COUNT);
    state_count(dropped, s->ports[uplink].drops, PORT_DROP_COUNT);
    rte_tel_data_start_dict(d);
    rte_tel_data_add_dict_uint(d, "uplink", uplink);
    rte_tel_data_add_dict_uint(d, "port", nic->port);
    rte_tel_data_add_dict_string(d, "name", nic->name);
    rte_tel_data_add_dict_uint(d, "up", __atomic_load_n(&nic->up, __ATOMIC_RELAXED));
    rte_tel_data_add_dict_uint(d, "speed", __atomic_load_n(&nic->speed, __ATOMIC_RELAXED));
    rte_tel_data_add_dict_uint(d, "mtu", atomic_load_explicit(&s->ports[uplink].mtu, memory_order_relaxed));
    tell_words(d, port_counters, counters, PORT_COUNTER_COUNT);
    return tell_counts(d, "drops", port_drops, dropped, PORT_DROP_COUNT);
}

static const char *const queue_columns[] = { "queue", "pool", "io", "rx_frames" };
#define QUEUE_COLUMNS RTE_DIM(queue_columns)

static uint64_t queue_word(const struct state_queue *q, uint32_t column)
{
    switch (column) {
    case 0:
        return q->queue;
    case 1:
        return q->pool;
    case 2:
        return q->io;
    default:
        return atomic_load_explicit(&q->rx_frames, memory_order_relaxed);
    }
}

// Columns, as /ethdev/stats has them: "rx_frames": [7, 0].
static int queues(const struct state *s, const char *param, struct rte_tel_data *d)
{
    const struct state_queue *q;
    uint32_t uplink;
    int ret;

    ret = uplink_asked(param, &uplink, d);
    if (ret != 0)
        return ret < 0 ? ret : 0;
    q = s->queues[uplink];
    rte_tel_data_start_dict(d);
    for (uint32_t column = 0; column < QUEUE_COLUMNS && ret == 0; column++) {
        struct rte_tel_data *member = member_array();

        if (member == NULL)
            return -ENOMEM;
        for (uint32_t i = 0; i < STATE_QUEUES_MAX && atomic_load_explicit(&q[i].used, memory_order_acquire) != 0; i++)
            rte_tel_data_add_array_uint(member, queue_word(&q[i], column));
        ret = tell_member(d, queue_columns[column], member);
    }
    return ret;
}

static int workers(const struct state *s, const char *param, struct rte_tel_data *d)
{
    uint32_t domids[FABRIC_VIFS_MAX], domid, guest, pid;

    if (param == NULL)
        return tell_numbers(d, domids, owner_workers(s, domids));
    if (number_domid(param, &domid) < 0)
        return -EINVAL;
    if (owner_guest(s, domid, &guest) < 0)
        return -ENOENT;
    pid = owner_worker(s, guest);
    rte_tel_data_start_dict(d);
    rte_tel_data_add_dict_uint(d, "domid", domid);
    rte_tel_data_add_dict_uint(d, "running", pid != 0);
    rte_tel_data_add_dict_uint(d, "pid", pid);
    rte_tel_data_add_dict_uint(d, "context", primary->n_io + guest);
    rte_tel_data_add_dict_uint(d, "beats", atomic_load_explicit(&s->guests[guest].ctx.beats, memory_order_relaxed));
    return 0;
}

static const struct command {
    const char *name, *help;
    int (*tell)(const struct state *s, const char *param, struct rte_tel_data *d);
} commands[] = {
    { "/xv/guests", "Domain ids of guests. With one: its devices", guests },
    { "/xv/vifs", "Vif numbers. With one: its device and what it counted", vifs },
    { "/xv/drops", "Drops by reason, of all devices. With a vif number: of that one", drops },
    { "/xv/uplinks", "Uplinks. With one: its link and what it counted, drops by reason", uplinks },
    { "/xv/queues", "Uplinks. With one: its receive queues, who polls them, frames", queues },
    { "/xv/workers", "Domain ids of guests whose worker runs. With one: that worker", workers },
};

// Any command. EAL names it as it was registered, without its parameter.
static int answer(const char *cmd, const char *param, struct rte_tel_data *d)
{
    // Acquire: pairs with telemetry_open()'s release; primary is set before.
    const struct state *s = atomic_load_explicit(&view, memory_order_acquire);

    for (uint32_t i = 0; i < RTE_DIM(commands) && s != NULL; i++)
        if (strcmp(cmd, commands[i].name) == 0)
            return commands[i].tell(s, param, d);
    return -EAGAIN;
}

int telemetry_open(const struct primary *p)
{
    const struct state *s;
    int ret = state_view(&s, p->conf->run_dir);

    if (ret < 0)
        return ret;
    primary = p;
    atomic_store_explicit(&view, s, memory_order_release);
    for (uint32_t i = 0; i < RTE_DIM(commands) && ret == 0; i++)
        ret = rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
    return ret;
}
