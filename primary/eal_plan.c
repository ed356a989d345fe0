/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crossbar.h"
#include "devargs.h"
#include "eal_option.h"
#include "eal_plan.h"
#include "eal_value.h"
#include "lcores.h"
#include "msg.h"
#include "quirk.h"

#define EAL_MBUF_BYTES 2560ull // an mbuf with 2 kB of room, its headers and gaps
#define EAL_MBUF_LONG_BYTES (EAL_MBUF_BYTES + 2048) // the same for slots of net_af_packet
#define EAL_PORT_BYTES (6ull << 20) // its queues, and the driver's own
#define EAL_SLACK_BYTES (24ull << 20) // EAL's own, telemetry, small rings

// An entry of the configuration may hold an option and its value: "-a 0000:03:00.0".
static int words_split(struct eal_args *e, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, " \t");

        if (n > 0 && eal_args_format(e, "%.*s", (int)n, text) < 0)
            return -E2BIG;
        text += n + strspn(text + n, " \t");
    }
    return 0;
}

// The first two CPUs that we may run on: control and one I/O lcore, or all on one.
static int cores_default(struct eal_args *e)
{
    int cpus[2], n = 0;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return eal_args_add(e, "-c0x1");
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
        if (CPU_ISSET(cpu, &set))
            cpus[n++] = cpu;
    }
    e->n_lcores = (uint32_t)n;
    return n == 2 ? eal_args_format(e, "--lcores=0@%d,1@%d", cpus[0], cpus[1])
                  : eal_args_format(e, "--lcores=0@%d", cpus[0]);
}

// The only one of -c, -l and --lcores that is there. Returns which, 0 if none is.
static char cores_given(struct eal_args *e, const char **value)
{
    const char *mask = eal_args_last(e, "", 'c'), *list = eal_args_last(e, "", 'l'),
               *map = eal_args_last(e, "lcores", 0);

    if ((mask != NULL) + (list != NULL) + (map != NULL) > 1)
        eal_args_wrong(e, "-c, -l and --lcores exclude each other; choose one");
    *value = map != NULL ? map : list != NULL ? list : mask;
    return map != NULL ? 'm' : list != NULL ? 'l' : mask != NULL ? 'c' : 0;
}

static void cores_check(struct eal_args *e, const char *root, const struct lcores *l, const char *said)
{
    int cpu = lcores_missing_cpu(l, root);

    for (int id = MSG_WORKER_LCORE_FIRST; id < CPU_SETSIZE; id++) {
        if (!CPU_ISSET(id, &l->ids))
            continue;
        eal_args_wrong(e, "%s: lcores from %u on belong to the workers: choose CPUs below, or --lcores 0@CPU,1@CPU",
            said, MSG_WORKER_LCORE_FIRST);
        return;
    }
    if (cpu >= 0)
        eal_args_wrong(e,
            "%s: this machine has no CPU %d; choose others (nproc says how many there are), or several lcores on one: "
            "--lcores 0@0,1@0",
            said, cpu);
}

static int cores_plan(struct eal_args *e, const char *root)
{
    static const struct {
        char which;
        const char *option;
        int (*read)(struct lcores *l, const char *text);
        const char *wants;
    } kinds[] = { { 'c', "-c", lcores_of_mask, "a hexadecimal mask of CPUs, as 0x3" },
        { 'l', "-l", lcores_of_list, "a list of CPUs, as 0-1,4" },
        { 'm', "--lcores", lcores_of_map, "a list of lcores with their CPUs, as 0@4,1@5" } };
    const char *value;
    char given = cores_given(e, &value), said[80];
    struct lcores l;

    if (given == 0)
        return eal_args_last(e, "", 's') == NULL && eal_args_last(e, "", 'S') == NULL ? cores_default(e) : 0;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].which != given)
            continue;
        snprintf(said, sizeof(said), "%s %.64s", kinds[i].option, value);
        if (kinds[i].read(&l, value) < 0) {
            eal_args_wrong(e, "%s: not %s", said, kinds[i].wants);
            return 0;
        }
        cores_check(e, root, &l, said);
        e->n_lcores = (uint32_t)CPU_COUNT(&l.ids);
    }
    return 0;
}

// Values that only EAL would refuse, and what excludes each other.
static void values_check(struct eal_args *e)
{
    for (uint32_t at = 1; at < e->n_words; at += eal_args_pair(e, at) ? 2 : 1) {
        struct eal_option o;
        const char *value, *wants;

        eal_option_find(e->words[at], &o);
        if (o.takes != EAL_TAKES_VALUE)
            continue;
        value = o.attached != NULL ? o.attached : e->words[at + 1];
        wants = eal_value_wants(o.full, value);
        if (wants != NULL)
            eal_args_wrong(e, "%s: '%.64s' is not what it takes: %s", o.full, value, wants);
    }
    if (eal_args_count(e, "", 'm') > 0 && eal_args_count(e, "socket-mem", 0) > 0)
        eal_args_wrong(e, "-m and --socket-mem exclude each other; choose one");
    if (eal_args_count(e, "allow", 'a') > 0 && eal_args_count(e, "block", 'b') > 0)
        eal_args_wrong(e, "-a and -b exclude each other: name the NICs to use, or those not to use");
}

static uint64_t port_bytes(const struct eal_args *e, const struct conf *c)
{
    return c->primary_mbufs * (e->long_mbufs ? EAL_MBUF_LONG_BYTES : EAL_MBUF_BYTES) + EAL_PORT_BYTES;
}

// Before EAL looked, the ports can only be guessed: one for each device that is named.
static uint64_t megabytes_plan(const struct eal_args *e, const struct conf *c)
{
    uint32_t ports = eal_args_count(e, "vdev", 0) + eal_args_count(e, "allow", 'a');
    uint64_t bytes = ports * port_bytes(e, c) + EAL_SLACK_BYTES;

    if (ports == 0 && eal_args_count(e, "block", 'b') > 0) // every NIC of the machine but those
        bytes += 2 * port_bytes(e, c);
    return (bytes + (2u << 20) - 1) >> 21 << 1; // whole pages of 2 MB
}

// The sum of "1024,0,512".
static uint64_t list_sum(const char *list)
{
    uint64_t sum = 0;

    while (*list != '\0') {
        sum += strtoull(list, NULL, 10);
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return sum;
}

static uint64_t fabric_plan(const struct eal_args *e, const struct conf *c)
{
    struct crossbar_size size = { .max_vifs = c->max_vifs,
        .max_guests = c->max_guests,
        .n_io = lcores_io(e->n_lcores),
        .lane_slots = c->lane_slots,
        .ctx_bufs = c->buffers,
        .page_bytes = 2u << 20 };

    return crossbar_bytes(&size) >> 20;
}

static int memory_plan(struct eal_args *e, const struct conf *c)
{
    const char *m = eal_args_last(e, "", 'm'), *nodes = eal_args_last(e, "socket-mem", 0);

    e->megabytes = c->primary_memory_mb > 0 ? c->primary_memory_mb : megabytes_plan(e, c);
    e->no_huge = eal_args_count(e, "no-huge", 0) > 0;
    e->fabric_mb = e->no_huge ? 0 : fabric_plan(e, c);
    e->by_node = nodes != NULL;
    if (nodes != NULL)
        e->megabytes = list_sum(nodes);
    else if (m != NULL)
        e->megabytes = strtoull(m, NULL, 10); // its form was checked
    else if (eal_args_format(e, "-m%llu", (unsigned long long)e->megabytes) < 0)
        return -E2BIG;
    // All memory at start and no more: EAL's lock for growing isn't safe against a killed worker.
    if (eal_args_count(e, "legacy-mem", 0) == 0 && !e->no_huge)
        return eal_args_add(e, "--legacy-mem");
    return 0;
}

static int devices_plan(struct eal_args *e)
{
    bool pci = eal_args_count(e, "allow", 'a') + eal_args_count(e, "block", 'b') > 0;

    if (pci)
        return 0;
    // Without a device of the machine, addresses need not be the hardware's, and memory comes in one piece.
    if (eal_args_last(e, "iova-mode", 0) == NULL && eal_args_add(e, "--iova-mode=va") < 0)
        return -E2BIG;
    return eal_args_count(e, "no-pci", 0) > 0 ? 0 : eal_args_add(e, "--no-pci");
}

static int files_plan(struct eal_args *e, const struct conf *c)
{
    const char *prefix = eal_args_last(e, "file-prefix", 0), *dir = eal_args_last(e, "huge-dir", 0);

    e->file_prefix = prefix != NULL ? prefix : c->file_prefix;
    e->huge_dir = dir != NULL ? dir : c->huge_dir;
    if (prefix == NULL && eal_args_format(e, "--file-prefix=%s", c->file_prefix) < 0)
        return -E2BIG;
    if (dir == NULL && c->huge_dir[0] != '\0')
        return eal_args_format(e, "--huge-dir=%s", c->huge_dir);
    return 0;
}

// The words of the configuration, which may be an option and its value in one.
static int given_take(struct eal_args *e, const struct conf *c)
{
    uint32_t first = e->n_words;
    char err[256];
    int ret = 0;

    for (uint32_t i = 0; i < c->n_eal_args && ret == 0; i++)
        ret = words_split(e, c->eal_args[i]);
    for (uint32_t i = first; i < e->n_words && ret >= 0; i += (uint32_t)ret) {
        ret = eal_words_take(&e->given, e->words[i], i + 1 < e->n_words ? e->words[i + 1] : NULL, err, sizeof(err));
        if (ret < 0) {
            eal_args_wrong(e, "primary.eal_args: %s", err);
            ret = 1;
        }
    }
    e->n_words = first;
    return ret < 0 ? ret : 0;
}

static int words_plan(struct eal_args *e, const char *program, const struct options *o, const struct conf *c)
{
    int ret = eal_args_add(e, program);

    if (ret == 0)
        ret = given_take(e, c);
    for (uint32_t i = 0; i < e->given.n && ret == 0; i++)
        ret = eal_args_add(e, e->given.words[i]);
    for (uint32_t i = 0; i < o->eal.n && ret == 0; i++)
        ret = eal_args_add(e, o->eal.words[i]);
    return ret;
}

// A device that cuts frames gets slots for whole ones.
static int vdevs_plan(struct eal_args *e)
{
    for (uint32_t at = 1; at < e->n_words; at += eal_args_pair(e, at) ? 2 : 1) {
        const char *attached, *vdev;
        char fixed[CONF_TEXT_BYTES * 2];

        if (!eal_args_is(e->words[at], "vdev", 0, &attached))
            continue;
        vdev = attached != NULL ? attached : eal_args_pair(e, at) ? e->words[at + 1] : "";
        if ((quirks_of_vdev(vdev) & QUIRK_CUTS_FRAMES) == 0)
            continue;
        e->long_mbufs = true;
        if (!devargs_slots_fix(vdev, fixed, sizeof(fixed)) ||
            eal_args_format(e, "%s%s", attached != NULL ? "--vdev=" : "", fixed) < 0)
            return -E2BIG;
        e->words[attached != NULL ? at : at + 1] = e->words[--e->n_words];
    }
    return 0;
}

int eal_plan(struct eal_args *e, const char *root, const char *program, const struct options *o, const struct conf *c,
    char *err, size_t n)
{
    int ret;

    *e = (struct eal_args){ 0 };
    ret = words_plan(e, program, o, c);
    if (ret == 0)
        ret = vdevs_plan(e);
    if (ret == 0)
        values_check(e);
    if (ret == 0)
        ret = cores_plan(e, root);
    if (ret == 0)
        ret = memory_plan(e, c);
    if (ret == 0)
        ret = devices_plan(e);
    if (ret == 0)
        ret = files_plan(e, c);
    if (ret == 0 && eal_args_last(e, "proc-type", 0) == NULL)
        ret = eal_args_add(e, "--proc-type=primary");
    if (ret < 0)
        eal_args_wrong(e, "too many or too long EAL arguments");
    snprintf(err, n, "%s", e->wrong);
    return e->wrong[0] != '\0' ? -EINVAL : 0;
}
