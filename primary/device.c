/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "device.h"
#include "log.h"
#include "pci.h"

// As EAL parses it: its buses and drivers are there from the program's start.
static bool device_known(const char *text)
{
    struct rte_devargs args = { 0 };
    int ret = rte_devargs_parse(&args, text);

    free(args.data);
    return ret == 0;
}

static void unknown_say(const char *option, const char *text, char *err, size_t n)
{
    size_t at = strlen(err);

    snprintf(err + at, n - at, "%s%s %.100s: there is no such device; write %s", at > 0 ? "\n" : "", option, text,
        strcmp(option, "--vdev") == 0 ? "a driver's name and a number, as net_tap0 (drivers: " XV_DRIVERS ")"
                                      : "a PCI address, as 0000:03:00.0");
}

int devices_check(const struct eal_args *e, char *err, size_t n)
{
    static const struct {
        const char *option;
        const char *name;
        char letter;
    } kinds[] = { { "--vdev", "vdev", 0 }, { "-a", "allow", 'a' }, { "-b", "block", 'b' } };
    bool plugins = eal_args_value(e, "", 'd', 0) != NULL; // their names aren't known before they are loaded
    const char *text;
    int ret = 0;
    FILE *nowhere = fopen("/dev/null", "w");

    rte_openlog_stream(nowhere); // what EAL says of it
    for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (uint32_t i = 0; (text = eal_args_value(e, kinds[k].name, kinds[k].letter, i)) != NULL; i++) {
            if (device_known(text) || plugins)
                continue;
            unknown_say(kinds[k].option, text, err, n);
            ret = -EINVAL;
        }
    }
    rte_openlog_stream(NULL);
    if (nowhere != NULL)
        fclose(nowhere);
    return ret;
}

void devices_look(const struct eal_args *e)
{
    char text[PCI_TEXT_BYTES];

    for (uint32_t i = 0; eal_args_pci(e, i) != NULL; i++) {
        if (pci_why("", eal_args_pci(e, i), text) != NULL)
            LOG(WARNING, "%s", text);
    }
}

int devices_made(const struct eal_args *e)
{
    char name[CONF_TEXT_BYTES];
    uint16_t port;

    for (uint32_t i = 0; eal_args_vdev(e, i, name, sizeof(name)); i++) {
        if (strncmp(name, "net_", 4) != 0 || rte_eth_dev_get_port_by_name(name, &port) == 0)
            continue;
        LOG(ERR, "device %s could not be made; EAL's own lines above say why", name);
        return -ENODEV;
    }
    return 0;
}
