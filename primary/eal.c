/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crossbar.h"
#include "eal.h"

#define EAL_MBUF_BYTES 2560ull // an mbuf with 2 kB of room, its headers and gaps
#define EAL_PORT_BYTES (6ull << 20) // its queues, and the driver's own
#define EAL_SLACK_BYTES (24ull << 20) // EAL's own, telemetry, small rings

static int word_add(struct eal *e, const char *word)
{
    if (e->n_words == EAL_WORDS_MAX)
        return -E2BIG;
    e->words[e->n_words++] = (char *)(uintptr_t)word; // EAL permutes the pointers, not the text
    return 0;
}

static int __attribute__((format(printf, 2, 3))) word_format(struct eal *e, const char *fmt, ...)
{
    char *at = e->text + e->n_text;
    size_t room = sizeof(e->text) - e->n_text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room)
        return -E2BIG;
    e->n_text += (size_t)n + 1;
    return word_add(e, at);
}

// An entry of the configuration may hold an option and its value: "-a 0000:03:00.0".
static int words_split(struct eal *e, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, " \t");

        if (n > 0 && word_format(e, "%.*s", (int)n, text) < 0)
            return -E2BIG;
        text += n + strspn(text + n, " \t");
    }
    return 0;
}

// The value of the last --name=value, --name value, -lvalue or -l value, or NULL; letter 0: none.
static const char *value_of(const struct eal *e, const char *name, char letter)
{
    const char *value = NULL;
    size_t len = strlen(name);

    for (uint32_t i = 1; i < e->n_words; i++) {
        const char *w = e->words[i];
        const char *next = i + 1 < e->n_words ? e->words[i + 1] : "";

        if (len > 0 && strncmp(w, "--", 2) == 0 && strncmp(w + 2, name, len) == 0 && w[2 + len] == '=')
            value = w + 2 + len + 1;
        else if (len > 0 && strncmp(w, "--", 2) == 0 && strcmp(w + 2, name) == 0)
            value = next;
        else if (letter != 0 && w[0] == '-' && w[1] == letter)
            value = w[2] != '\0' ? w + 2 : next;
    }
    return value;
}

static uint32_t count_of(const struct eal *e, const char *name, char letter)
{
    uint32_t n = 0;
    size_t len = strlen(name);

    for (uint32_t i = 1; i < e->n_words; i++) {
        const char *w = e->words[i];

        n += (strncmp(w, "--", 2) == 0 && strncmp(w + 2, name, len) == 0 && (w[2 + len] == '=' || w[2 + len] == 0)) ||
             (letter != 0 && w[0] == '-' && w[1] == letter);
    }
    return n;
}

bool eal_vdev(const struct eal *e, uint32_t i, char *name, size_t n)
{
    static const char option[] = "--vdev";

    for (uint32_t at = 1; at < e->n_words; at++) {
        const char *value = e->words[at] + strlen(option);

        if (strncmp(e->words[at], option, strlen(option)) != 0 || (*value != '\0' && *value != '='))
            continue;
        value = *value == '=' ? value + 1 : at + 1 < e->n_words ? e->words[at + 1] : "";
        if (i-- > 0)
            continue;
        snprintf(name, n, "%.*s", (int)strcspn(value, ","), value);
        return true;
    }
    return false;
}

const char *eal_pci(const struct eal *e, uint32_t i)
{
    static const char option[] = "--allow";

    for (uint32_t at = 1; at < e->n_words; at++) {
        const char *w = e->words[at], *value = NULL;

        if (strncmp(w, "-a", 2) == 0)
            value = w + 2;
        else if (strncmp(w, option, strlen(option)) == 0 && (w[strlen(option)] == '\0' || w[strlen(option)] == '='))
            value = w[strlen(option)] == '=' ? w + strlen(option) + 1 : "";
        if (value != NULL && i-- == 0)
            return *value != '\0' ? value : e->words[at + 1];
    }
    return NULL;
}

// The cores of "0-3,8", as a mask; those beyond the mask's end count as bit 63.
static uint64_t list_mask(const char *list)
{
    uint64_t mask = 0;

    while (isdigit((unsigned char)*list)) {
        char *end;
        unsigned long from = strtoul(list, &end, 10);
        unsigned long to = *end == '-' ? strtoul(end + 1, &end, 10) : from;

        for (unsigned long i = from; i <= to && i < 1024; i++)
            mask |= 1ull << (i < 64 ? i : 63);
        list = *end == ',' ? end + 1 : end;
    }
    return mask;
}

static uint64_t hex_mask(const char *hex)
{
    char *end;
    uint64_t mask;

    errno = 0;
    mask = strtoull(hex, &end, 16);
    return errno == 0 ? mask : UINT64_MAX;
}

// The first two CPUs that we may run on: control and one I/O lcore, or all on one.
static int cores_default(struct eal *e)
{
    int cpus[2], n = 0;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return word_add(e, "-c0x1");
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
        if (CPU_ISSET(cpu, &set))
            cpus[n++] = cpu;
    }
    e->n_lcores = (uint32_t)n;
    return n == 2 ? word_format(e, "--lcores=0@%d,1@%d", cpus[0], cpus[1]) : word_format(e, "--lcores=0@%d", cpus[0]);
}

static int cores_plan(struct eal *e, char *err, size_t n)
{
    const char *hex = value_of(e, "", 'c'), *list = value_of(e, "", 'l');
    uint64_t mask = hex != NULL ? hex_mask(hex) : list != NULL ? list_mask(list) : 0;

    if (mask >> EAL_LCORES_MAX != 0) {
        snprintf(err, n, "lcores from %u on belong to the workers: choose CPUs below, or --lcores 0@CPU,1@CPU",
            EAL_LCORES_MAX);
        return -EINVAL;
    }
    e->n_lcores = (uint32_t)__builtin_popcountll(mask);
    if (mask == 0 && value_of(e, "lcores", 0) == NULL && value_of(e, "", 's') == NULL && value_of(e, "", 'S') == NULL)
        return cores_default(e);
    return 0;
}

uint32_t eal_io_lcores(uint32_t n_lcores)
{
    uint32_t n = n_lcores == 0 ? FABRIC_IO_MAX : n_lcores == 1 ? 1 : n_lcores - 1;

    return n < FABRIC_IO_MAX ? n : FABRIC_IO_MAX;
}

static uint64_t port_bytes(const struct conf *c)
{
    return c->primary_mbufs * EAL_MBUF_BYTES + EAL_PORT_BYTES;
}

// Before EAL looked, the ports can only be guessed: one for each device that is named.
static uint64_t megabytes_plan(const struct eal *e, const struct conf *c)
{
    uint32_t ports = count_of(e, "vdev", 0) + count_of(e, "allow", 'a');
    struct crossbar_size size = { .max_vifs = c->max_vifs,
        .max_guests = c->max_guests,
        .n_io = eal_io_lcores(e->n_lcores),
        .lane_slots = c->lane_slots,
        .ctx_bufs = c->buffers };
    uint64_t bytes = crossbar_bytes(&size) + ports * port_bytes(c) + EAL_SLACK_BYTES;

    if (ports == 0 && count_of(e, "block", 'b') > 0) // every NIC of the machine but those
        bytes += 2 * port_bytes(c);
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

static int memory_plan(struct eal *e, const struct conf *c)
{
    const char *m = value_of(e, "", 'm'), *nodes = value_of(e, "socket-mem", 0);

    e->megabytes = c->primary_memory_mb > 0 ? c->primary_memory_mb : megabytes_plan(e, c);
    e->no_huge = count_of(e, "no-huge", 0) > 0;
    e->by_node = nodes != NULL;
    if (nodes != NULL)
        e->megabytes = list_sum(nodes);
    else if (m != NULL)
        e->megabytes = strtoull(m, NULL, 10);
    else if (word_format(e, "-m%llu", (unsigned long long)e->megabytes) < 0)
        return -E2BIG;
    // All memory at start and no more: EAL's lock for growing isn't safe against a killed worker.
    if (count_of(e, "legacy-mem", 0) == 0 && !e->no_huge)
        return word_add(e, "--legacy-mem");
    return 0;
}

static int devices_plan(struct eal *e)
{
    bool pci = count_of(e, "allow", 'a') + count_of(e, "block", 'b') > 0;

    if (pci)
        return 0;
    // Without a device of the machine, addresses need not be the hardware's, and memory comes in one piece.
    if (value_of(e, "iova-mode", 0) == NULL && word_add(e, "--iova-mode=va") < 0)
        return -E2BIG;
    return count_of(e, "no-pci", 0) > 0 ? 0 : word_add(e, "--no-pci");
}

static int files_plan(struct eal *e, const struct conf *c)
{
    const char *prefix = value_of(e, "file-prefix", 0), *dir = value_of(e, "huge-dir", 0);

    e->file_prefix = prefix != NULL ? prefix : c->file_prefix;
    e->huge_dir = dir != NULL ? dir : c->huge_dir;
    if (prefix == NULL && word_format(e, "--file-prefix=%s", c->file_prefix) < 0)
        return -E2BIG;
    if (dir == NULL && c->huge_dir[0] != '\0')
        return word_format(e, "--huge-dir=%s", c->huge_dir);
    return 0;
}

static int words_plan(struct eal *e, const char *program, const struct options *o, const struct conf *c)
{
    int ret = word_add(e, program);

    for (uint32_t i = 0; i < c->n_eal_args && ret == 0; i++)
        ret = words_split(e, c->eal_args[i]);
    for (uint32_t i = 0; i < o->n_eal && ret == 0; i++)
        ret = word_add(e, o->eal[i]);
    return ret;
}

int eal_plan(struct eal *e, const char *program, const struct options *o, const struct conf *c, char *err, size_t n)
{
    int ret;

    *e = (struct eal){ 0 };
    snprintf(err, n, "too many or too long EAL arguments");
    ret = words_plan(e, program, o, c);
    if (ret == 0)
        ret = cores_plan(e, err, n);
    if (ret == 0)
        ret = memory_plan(e, c);
    if (ret == 0)
        ret = devices_plan(e);
    if (ret == 0)
        ret = files_plan(e, c);
    if (ret == 0 && value_of(e, "proc-type", 0) == NULL)
        ret = word_add(e, "--proc-type=primary");
    return ret < 0 ? -EINVAL : 0;
}
