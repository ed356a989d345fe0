/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pci.h"

#define ADDRESS_BYTES 16u

// The address as sysfs has it.
static bool address_read(const char *device, char address[ADDRESS_BYTES])
{
    unsigned domain = 0, bus, slot, function;
    int n = 0;

    if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &n) != 4) {
        domain = 0;
        if (sscanf(device, "%2x:%2x.%1u%n", &bus, &slot, &function, &n) != 3)
            return false;
    }
    if (device[n] != '\0' && device[n] != ',')
        return false;
    snprintf(address, ADDRESS_BYTES, "%04x:%02x:%02x.%u", domain & 0xffff, bus & 0xff, slot & 0xff, function & 0xf);
    return true;
}

static bool driver_gives_it(const char *driver)
{
    return strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "uio_pci_generic") == 0 || strcmp(driver, "igb_uio") == 0;
}

// In a domain of Xen there is no IOMMU for vfio-pci.
static const char *driver_to_use(const char *root)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/sys/hypervisor/type", root);
    return access(path, F_OK) == 0 ? "uio_pci_generic" : "vfio-pci";
}

const char *pci_why(const char *root, const char *device, char text[PCI_TEXT_BYTES])
{
    char address[ADDRESS_BYTES], path[PATH_MAX], link[PATH_MAX];
    const char *driver, *use = driver_to_use(root);
    ssize_t n;

    if (!address_read(device, address))
        return NULL;
    snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, address);
    if (access(path, F_OK) != 0) {
        snprintf(text, PCI_TEXT_BYTES, "there is no PCI device %s", address);
        return text;
    }
    snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", root, address);
    n = readlink(path, link, sizeof(link) - 1);
    link[n > 0 ? n : 0] = '\0';
    driver = strrchr(link, '/') != NULL ? strrchr(link, '/') + 1 : link;
    if (driver_gives_it(driver))
        return NULL;
    snprintf(text, PCI_TEXT_BYTES, "PCI device %s is bound to %.20s; do: modprobe %s && dpdk-devbind.py -b %s %s",
        address, driver[0] != '\0' ? driver : "no driver", use, use, address);
    return text;
}

bool pci_answers(const char *root, const char *address)
{
    uint16_t vendor = UINT16_MAX;
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/config", root, address);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (read(fd, &vendor, sizeof(vendor)) != sizeof(vendor))
        vendor = UINT16_MAX;
    close(fd);
    return vendor != UINT16_MAX;
}
