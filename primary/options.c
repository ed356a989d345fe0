/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "state.h"

#define STATS_MAX 86400u

int portmask_parse(const char *text, uint32_t *mask)
{
    char *end;
    unsigned long v;

    if (!isxdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    v = strtoul(text, &end, 16);
    if (errno != 0 || *end != '\0' || v == 0 || v >> STATE_PORTS_MAX != 0)
        return -EINVAL;
    *mask = (uint32_t)v;
    return 0;
}

static int number_parse(const char *text, uint32_t max, uint32_t *out)
{
    char *end;
    unsigned long v;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    v = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || v > max)
        return -EINVAL;
    *out = (uint32_t)v;
    return 0;
}

static int set_config(struct options *o, const char *value)
{
    o->config = value;
    return value[0] != '\0' ? 0 : -EINVAL;
}

static int set_portmask(struct options *o, const char *value)
{
    o->has_portmask = true;
    return portmask_parse(value, &o->portmask);
}

static int set_vm2vm(struct options *o, const char *value)
{
    o->has_vm2vm = true;
    return number_parse(value, 1, &o->vm2vm);
}

static int set_stats(struct options *o, const char *value)
{
    o->has_stats = true;
    return number_parse(value, STATS_MAX, &o->stats);
}

static int set_check(struct options *o, const char *value)
{
    (void)value;
    o->check = true;
    return 0;
}

static int set_help(struct options *o, const char *value)
{
    (void)value;
    o->help = true;
    return 0;
}

static int set_version(struct options *o, const char *value)
{
    (void)value;
    o->version = true;
    return 0;
}

static const struct row {
    const char *name;
    char letter; // 0: none
    const char *value; // its name in the usage, NULL: takes none
    int (*set)(struct options *o, const char *value);
    const char *wants;
    const char *help;
} rows[] = {
    { "portmask", 'p', "MASK", set_portmask, "a hexadecimal mask of ports 0 to 15",
        "ports to use, bit i is DPDK's port i (all)" },
    { "vm2vm", 0, "0|1", set_vm2vm, "0 or 1", "0: guests reach each other by the uplink only (1)" },
    { "stats", 0, "SECONDS", set_stats, "0 to 86400", "print statistics every so often, 0: never (0)" },
    { "config", 0, "FILE", set_config, "a file", "configuration (" CONF_FILE ")" },
    { "check", 'n', NULL, set_check, "", "check the configuration, print what is in force, exit" },
    { "help", 'h', NULL, set_help, "", "print this" },
    { "version", 0, NULL, set_version, "", "print the version" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool row_is_long(const struct row *r, const char *arg, const char **value)
{
    size_t n = strlen(r->name);

    if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, r->name, n) != 0)
        return false;
    if (arg[2 + n] == '=' && r->value != NULL)
        *value = arg + 2 + n + 1;
    return arg[2 + n] == '\0' || *value != NULL;
}

static bool row_is_short(const struct row *r, const char *arg, const char **value)
{
    if (r->letter == 0 || arg[0] != '-' || arg[1] != r->letter)
        return false;
    if (arg[2] != '\0' && r->value != NULL)
        *value = arg + 2;
    return arg[2] == '\0' || *value != NULL;
}

// *value: what is attached to the option, or NULL.
static const struct row *row_find(const char *arg, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        if (row_is_long(&rows[i], arg, value) || row_is_short(&rows[i], arg, value))
            return &rows[i];
    }
    return NULL;
}

// EAL's -n takes a number of memory channels.
static bool is_channels(const char *arg, const char *next)
{
    uint32_t n;

    return strcmp(arg, "-n") == 0 && next != NULL && number_parse(next, UINT32_MAX, &n) == 0;
}

static int refuse(char *err, size_t n, const char *what, const char *arg, const char *more)
{
    snprintf(err, n, "%s%s%s", what, arg, more);
    return -EINVAL;
}

static int row_take(struct options *o, const struct row *r, const char *value, char *err, size_t n)
{
    char what[64], wants[64];

    if (r->set(o, value) == 0)
        return 0;
    snprintf(what, sizeof(what), "--%s: '", r->name);
    snprintf(wants, sizeof(wants), "' is not %s", r->wants);
    return refuse(err, n, what, value, wants);
}

static int eal_take(struct options *o, const char *arg, char *err, size_t n)
{
    if (o->n_eal == OPTIONS_EAL_MAX)
        return refuse(err, n, "too many EAL arguments from '", arg, "' on");
    o->eal[o->n_eal++] = arg;
    return 0;
}

int options_parse(struct options *o, int argc, char **argv, char *err, size_t n)
{
    bool ours_only = false;
    int ret = 0;

    *o = (struct options){ 0 };
    for (int i = 1; i < argc && ret == 0; i++) {
        const char *value, *next = i + 1 < argc ? argv[i + 1] : NULL;
        const struct row *r = row_find(argv[i], &value);

        if (!ours_only && strcmp(argv[i], "--") == 0) {
            ours_only = true;
        } else if (r == NULL || (!ours_only && is_channels(argv[i], next))) {
            ret = ours_only ? refuse(err, n, "unknown option '", argv[i], "'") : eal_take(o, argv[i], err, n);
            if (ret == 0 && r != NULL) // the number of channels belongs to it
                ret = eal_take(o, argv[++i], err, n);
        } else if (r->value != NULL && value == NULL && next == NULL) {
            ret = refuse(err, n, "option '", argv[i], "' wants a value");
        } else {
            if (r->value != NULL && value == NULL)
                value = argv[++i];
            ret = row_take(o, r, value, err, n);
        }
    }
    return ret;
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

void options_usage(FILE *out)
{
    fprintf(out, "Usage: xv-primary [EAL options] [-- [options]]\n"
                 "       xv-primary -n [options]\n\n"
                 "  -c MASK, -l LIST          EAL: lcores 0 to 31; the first is control, the others move frames\n"
                 "  --vdev=..., -a DEVICE     EAL: devices; without -a no PCI device is touched\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        char head[64];

        snprintf(head, sizeof(head), "%c%c%s--%s %s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
            r->letter ? ", " : "  ", r->name, r->value != NULL ? r->value : "");
        fprintf(out, "  %-26s%s\n", head, r->help);
    }
    fprintf(out, "\nMore in xv-primary(8) and xv.conf(5).\n");
}
