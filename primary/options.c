/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "eal_option.h"
#include "number.h"
#include "options.h"
#include "state.h"

#define STATS_MAX 86400u

int portmask_parse(const char *text, uint32_t *mask)
{
    uint32_t v;

    if (number_parse(text, 16, (1u << STATE_PORTS_MAX) - 1, &v) < 0 || v == 0)
        return -EINVAL;
    *mask = v;
    return 0;
}

static int set_portmask(struct args *a, const char *value)
{
    struct options *o = (struct options *)a;

    o->has_portmask = true;
    return portmask_parse(value, &o->portmask);
}

static int set_vm2vm(struct args *a, const char *value)
{
    struct options *o = (struct options *)a;

    o->has_vm2vm = true;
    return number_parse(value, 10, 1, &o->vm2vm);
}

static int set_stats(struct args *a, const char *value)
{
    struct options *o = (struct options *)a;

    o->has_stats = true;
    return number_parse(value, 10, STATS_MAX, &o->stats);
}

static const struct args_row rows[] = {
    { "portmask", 'p', "MASK", set_portmask, "a hexadecimal mask of ports 0 to 15",
        "ports to use, bit i is DPDK's port i (all)" },
    { "vm2vm", 0, "0|1", set_vm2vm, "0 or 1", "0: guests reach each other by the uplink only (1)" },
    { "stats", 0, "SECONDS", set_stats, "0 to 86400", "print statistics every so often, 0: never (0)" },
    ARGS_COMMON,
};

const struct args_program options_program = { .name = "xv-primary",
    .synopsis = "usage: xv-primary [EAL options] [-- [options]]\n"
                "       xv-primary -n [EAL options] [-- [options]]\n\n"
                "  -c MASK, -l LIST        EAL: lcores 0 to 31; the first is control, the others move frames\n"
                "  --vdev=..., -a DEVICE   EAL: devices; without -a no PCI device is touched\n"
                "  -n 4                    EAL: memory channels; -n without a number is ours\n",
    .more = "More in xv-primary(8) and xv.conf(5).\n",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]) };

// EAL's -n takes a number of memory channels.
static bool is_channels(const char *word, const char *next)
{
    return strcmp(word, "-n") == 0 && next != NULL && next[0] != '\0' && next[strspn(next, "0123456789")] == '\0';
}

// Take a word for the one that it belongs to, EAL or us. After "--" all are ours, and EAL's are said to be at the wrong
// place.
static int word_take(struct options *o, const char *word, const char *next, bool ours_only, char *err, size_t n)
{
    const char *names[EAL_OPTION_NAMES_MAX] = { NULL };
    unsigned n_names = ours_only ? 0 : eal_option_names(names);
    struct eal_option e;
    struct args_match m;
    int ret = 0;

    if (word[0] != '-' || word[1] == '\0') {
        snprintf(err, n, "'%.64s' belongs to no option", word);
        return -EINVAL;
    }
    if (ours_only || !is_channels(word, next))
        ret = args_find(&options_program, names, n_names, word, &m, err, n);
    eal_option_find(word, &e);
    if (ret == 0 && ours_only && e.kind == EAL_KNOWN) {
        snprintf(err, n, "option '%.64s' is EAL's: it belongs before the --", word);
        return -EINVAL;
    }
    if (ret == 0)
        return eal_words_take(&o->eal, word, next, err, n);
    if (ret < 0)
        return ret;
    if (m.row->value != NULL && m.value == NULL && next == NULL) {
        snprintf(err, n, "option '%s' wants a value: %s", word, m.row->wants);
        return -EINVAL;
    }
    ret = args_take(m.row, &o->args, m.value != NULL ? m.value : next, err, n);
    return ret < 0 ? ret : m.row->value != NULL && m.value == NULL ? 2 : 1;
}

int options_parse(struct options *o, int argc, char **argv, char *err, size_t n)
{
    bool ours_only = false;

    *o = (struct options){ 0 };
    for (int i = 1; i < argc;) {
        int used = 1;

        if (!ours_only && strcmp(argv[i], "--") == 0)
            ours_only = true;
        else
            used = word_take(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, ours_only, err, n);
        if (used < 0)
            return used;
        i += used;
    }
    return 0;
}

void options_apply(const struct options *o, struct conf *c)
{
    if (o->has_portmask)
        c->primary_portmask = o->portmask;
    if (o->has_vm2vm)
        c->primary_vm2vm = o->vm2vm != 0;
    if (o->has_stats)
        c->primary_stats = o->stats;
}
