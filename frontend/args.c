/* SPDX-License-Identifier: BSD-3-Clause */
// args.c: EAL hands over whatever begins with a driver's name, so a wrong separator would make a device whose arguments
// are all part of its name.
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "args.h"
#include "guest.h"
#include "log.h"
#include "xenvirt.h"

#define FORM "--vdev=net_xenvirt0,mac=00:00:00:00:00:11"

static int take_mac(struct args *a, const char *value)
{
    if (rte_ether_unformat_addr(value, &a->mac) == 0 && rte_is_valid_assigned_ether_addr(&a->mac))
        return 0;
    LOG(ERR, "mac=%s is no unicast MAC address; write it as in " FORM "\n", value);
    return -EINVAL;
}

static int take_number(const char *key, const char *value, uint32_t *domid)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10); // ULONG_MAX where it is larger

    if (isdigit((unsigned char)value[0]) && *end == '\0' && n <= XENVIRT_DOMID_LAST) {
        *domid = n;
        return 0;
    }
    LOG(ERR, "%s=%s is no domain number; write 0 to %u, as in net_xenvirt0,%s=1\n", key, value, XENVIRT_DOMID_LAST,
        key);
    return -EINVAL;
}

static int take_backend(struct args *a, const char *value)
{
    return take_number(ARGS_BACKEND, value, &a->backend);
}

static int take_domid(struct args *a, const char *value)
{
    return take_number(ARGS_DOMID, value, &a->domid);
}

static int take_buffers(struct args *a, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);

    if (isdigit((unsigned char)value[0]) && *end == '\0' && n >= ARGS_BUFFERS_LEAST && n <= XENVIRT_RING_SIZE_MAX) {
        a->buffers = n;
        return 0;
    }
    LOG(ERR, ARGS_BUFFERS "=%s is no number from %u to %u\n", value, ARGS_BUFFERS_LEAST, XENVIRT_RING_SIZE_MAX);
    return -EINVAL;
}

static const struct {
    const char *key;
    int (*take)(struct args *a, const char *value);
} rows[] = { { ARGS_MAC, take_mac }, { ARGS_BACKEND, take_backend }, { ARGS_DOMID, take_domid },
    { ARGS_BUFFERS, take_buffers } };

// Letters, digits, _, - and . are a name. What else is in it was meant otherwise.
static int name_check(const char *name)
{
    size_t n = 0;

    while (isalnum((unsigned char)name[n]) || (name[n] != '\0' && strchr("_-.", name[n]) != NULL))
        n++;
    if (name[n] == '\0')
        return 0;
    if (name[n + 1] != '\0' && strchr(name + n, '=') != NULL)
        LOG(ERR, "%s: '%c' doesn't part a device's name from its arguments; write --vdev=%.*s,%s\n", name, name[n],
            (int)n, name, name + n + 1);
    else
        LOG(ERR, "%s: '%c' can't be in a device's name; write it as in " FORM "\n", name, name[n]);
    return -EINVAL;
}

// One argument, key=value.
static int argument_take(struct args *a, char *argument, bool *given)
{
    const char *key = strsep(&argument, "="), *value = argument != NULL ? argument : "";

    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        if (strcmp(key, rows[i].key) != 0)
            continue;
        if (given[i]) {
            LOG(ERR, "%s is given twice; each device has a --vdev of its own, as " FORM "\n", key);
            return -EINVAL;
        }
        given[i] = true;
        return rows[i].take(a, value);
    }
    LOG(ERR,
        "unknown argument '%s'; known are " ARGS_MAC "=, " ARGS_BACKEND "=, " ARGS_DOMID "= and " ARGS_BUFFERS
        "=, as in " FORM "\n",
        key);
    return -EINVAL;
}

// Not by rte_kvargs: of "mac=A;backend=1" it makes the key "A;backend".
static int arguments_take(struct args *a, char *text)
{
    bool given[RTE_DIM(rows)] = { false };
    char *argument;
    int ret = 0;

    while (ret == 0 && (argument = strsep(&text, ",")) != NULL)
        ret = argument_take(a, argument, given);
    return ret;
}

int args_parse(struct args *a, const char *name, const char *text)
{
    int ret = name_check(name);
    char *copy;

    *a = (struct args){ .backend = GUEST_ANY, .domid = GUEST_ANY, .buffers = ARGS_BUFFERS_DEFAULT };
    rte_eth_random_addr(a->mac.addr_bytes);
    if (ret < 0 || text == NULL || text[0] == '\0')
        return ret;
    copy = strdup(text);
    if (copy == NULL)
        return -ENOMEM;
    ret = arguments_take(a, copy);
    free(copy);
    return ret;
}
