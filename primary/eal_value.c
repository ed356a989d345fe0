/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "eal_value.h"
#include "msg.h"
#include "number.h"

#define MEGABYTES_MAX (1u << 20)

static bool is_number(const char *text, uint32_t min, uint32_t max)
{
    uint32_t v;

    return number_parse(text, 10, max, &v) == 0 && v >= min;
}

static bool channels_ok(const char *text)
{
    return is_number(text, 1, 64);
}

static bool ranks_ok(const char *text)
{
    return is_number(text, 1, 16);
}

static bool megabytes_ok(const char *text)
{
    return is_number(text, 1, MEGABYTES_MAX);
}

static bool lcore_ok(const char *text)
{
    return is_number(text, 0, MSG_WORKER_LCORE_FIRST - 1);
}

// "64,64": one for each NUMA node.
static bool nodes_ok(const char *text)
{
    char one[16];

    for (;; text++) {
        size_t n = strcspn(text, ",");

        if (n == 0 || n >= sizeof(one))
            return false;
        memcpy(one, text, n);
        one[n] = '\0';
        if (!is_number(one, 0, MEGABYTES_MAX))
            return false;
        text += n;
        if (*text == '\0')
            return true;
    }
}

static bool directory_ok(const char *text)
{
    return text[0] == '/';
}

static bool prefix_ok(const char *text)
{
    return text[0] != '\0' && strpbrk(text, "/% ") == NULL;
}

static bool primary_ok(const char *text)
{
    return strcmp(text, "primary") == 0;
}

static bool iova_ok(const char *text)
{
    return strcmp(text, "pa") == 0 || strcmp(text, "va") == 0;
}

static bool interrupt_ok(const char *text)
{
    return strcmp(text, "legacy") == 0 || strcmp(text, "msi") == 0 || strcmp(text, "msix") == 0;
}

static bool address_ok(const char *text)
{
    text += strncmp(text, "0x", 2) == 0 ? 2 : 0;
    return text[0] != '\0' && strlen(text) <= 16 && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

static bool device_ok(const char *text)
{
    return text[0] != '\0' && text[0] != ',';
}

static const struct {
    const char *option;
    bool (*ok)(const char *value);
    const char *wants;
} rows[] = {
    { "-n", channels_ok, "memory channels, 1 to 64" },
    { "-r", ranks_ok, "memory ranks, 1 to 16" },
    { "-m", megabytes_ok, "MB of memory, 1 to 1048576" },
    { "--socket-mem", nodes_ok, "MB for each NUMA node, as 64,64" },
    { "--socket-limit", nodes_ok, "MB for each NUMA node, as 64,64" },
    { "--main-lcore", lcore_ok, "an lcore, 0 to 31" },
    { "--huge-dir", directory_ok, "an absolute path" },
    { "--file-prefix", prefix_ok, "a name without / and %" },
    { "--proc-type", primary_ok, "primary: that is what xv-primary is" },
    { "--iova-mode", iova_ok, "pa or va" },
    { "--vfio-intr", interrupt_ok, "legacy, msi or msix" },
    { "--base-virtaddr", address_ok, "a hexadecimal address" },
    { "--vdev", device_ok, "a device, as net_tap0,iface=xv0" },
    { "--allow", device_ok, "a device, as 0000:03:00.0" },
    { "-a", device_ok, "a device, as 0000:03:00.0" },
    { "--block", device_ok, "a device, as 0000:03:00.0" },
    { "-b", device_ok, "a device, as 0000:03:00.0" },
};

const char *eal_value_wants(const char *option, const char *value)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].option, option) == 0)
            return rows[i].ok(value) ? NULL : rows[i].wants;
    }
    return NULL;
}
