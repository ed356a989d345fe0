/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fabric.h"
#include "lcores.h"

int lcores_of_mask(struct lcores *l, const char *text)
{
    size_t n;

    text += strncasecmp(text, "0x", 2) == 0 ? 2 : 0;
    n = strlen(text);
    CPU_ZERO(&l->ids);
    if (n == 0 || n > CPU_SETSIZE / 4 || strspn(text, "0123456789abcdefABCDEF") != n)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        char digit[2] = { text[n - 1 - i], '\0' };
        unsigned long bits = strtoul(digit, NULL, 16);

        for (size_t bit = 0; bit < 4; bit++) {
            if ((bits >> bit & 1) != 0)
                CPU_SET(4 * i + bit, &l->ids);
        }
    }
    l->cpus = l->ids;
    return CPU_COUNT(&l->ids) > 0 ? 0 : -EINVAL;
}

static void blanks_skip(const char **at)
{
    while (isblank((unsigned char)**at))
        (*at)++;
}

static bool number_read(const char **at, unsigned long *number)
{
    char *end;

    blanks_skip(at);
    if (!isdigit((unsigned char)**at))
        return false;
    *number = strtoul(*at, &end, 10);
    *at = end;
    blanks_skip(at);
    return *number < CPU_SETSIZE;
}

// "3", "3-5"
static bool range_read(const char **at, cpu_set_t *set)
{
    unsigned long first, last;

    if (!number_read(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        (*at)++;
        if (!number_read(at, &last) || last < first)
            return false;
    }
    for (; first <= last; first++)
        CPU_SET(first, set);
    return true;
}

static bool list_read(const char **at, cpu_set_t *set)
{
    while (range_read(at, set)) {
        if (**at != ',')
            return true;
        (*at)++;
    }
    return false;
}

// A range, or a list in brackets.
static bool set_read(const char **at, cpu_set_t *set)
{
    CPU_ZERO(set);
    blanks_skip(at);
    if (**at != '(')
        return range_read(at, set);
    (*at)++;
    if (!list_read(at, set) || **at != ')')
        return false;
    (*at)++;
    blanks_skip(at);
    return true;
}

int lcores_of_list(struct lcores *l, const char *text)
{
    CPU_ZERO(&l->ids);
    if (!list_read(&text, &l->ids) || *text != '\0')
        return -EINVAL;
    l->cpus = l->ids;
    return 0;
}

int lcores_of_map(struct lcores *l, const char *text)
{
    cpu_set_t ids, cpus;

    CPU_ZERO(&l->ids);
    CPU_ZERO(&l->cpus);
    do {
        if (!set_read(&text, &ids))
            return -EINVAL;
        cpus = ids;
        if (*text == '@') {
            text++;
            if (!set_read(&text, &cpus))
                return -EINVAL;
        }
        CPU_OR(&l->ids, &l->ids, &ids);
        CPU_OR(&l->cpus, &l->cpus, &cpus);
    } while (*text++ == ',');
    return text[-1] == '\0' ? 0 : -EINVAL;
}

int lcores_missing_cpu(const struct lcores *l, const char *root)
{
    char path[PATH_MAX];

    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/topology/core_id", root, cpu);
        if (CPU_ISSET(cpu, &l->cpus) && access(path, F_OK) != 0)
            return cpu;
    }
    return -1;
}

uint32_t lcores_io(uint32_t n_lcores)
{
    uint32_t n = n_lcores == 0 ? FABRIC_IO_MAX : n_lcores == 1 ? 1 : n_lcores - 1;

    return n < FABRIC_IO_MAX ? n : FABRIC_IO_MAX;
}
