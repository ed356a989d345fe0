/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devargs.h"

static bool __attribute__((format(printf, 3, 4))) add(char *text, size_t n, const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(text + at, n - at, fmt, ap);
    va_end(ap);
    return len >= 0 && (size_t)len < n - at;
}

static bool key_is(const char *arg, const char *key)
{
    return strncmp(arg, key, strlen(key)) == 0 && arg[strlen(key)] == '=';
}

bool devargs_text(const char *args, const char *key, char *text, size_t n)
{
    for (const char *arg = args; arg != NULL; arg = strchr(arg, ',')) {
        const char *value = strchr(arg, '=');

        arg += *arg == ',';
        if (!key_is(arg, key))
            continue;
        text[0] = '\0';
        return add(text, n, "%.*s", (int)strcspn(value + 1, ","), value + 1);
    }
    return false;
}

// The value of a key among the arguments, the last one as it counts, or otherwise.
static uint32_t number_of(const char *args, const char *key, uint32_t otherwise)
{
    for (const char *arg = args; arg != NULL; arg = strchr(arg, ',')) {
        arg += *arg == ',';
        if (key_is(arg, key))
            otherwise = (uint32_t)strtoul(arg + strlen(key) + 1, NULL, 10);
    }
    return otherwise;
}

static uint32_t round_up(uint32_t value, uint32_t step)
{
    return value > UINT32_MAX - step ? value : (value + step - 1) / step * step;
}

bool devargs_slots_fix(const char *vdev, char *text, size_t n)
{
    uint32_t block = number_of(vdev, "blocksz", DEVARGS_SLOT), count = number_of(vdev, "framecnt", 0);
    const char *arg = vdev;

    text[0] = '\0';
    do {
        size_t len = strcspn(arg, ",");

        if (!key_is(arg, "framesz") && !key_is(arg, "blocksz") && !key_is(arg, "framecnt") &&
            !add(text, n, "%s%.*s", arg == vdev ? "" : ",", (int)len, arg))
            return false;
        arg += len;
    } while (*arg++ == ',');
    // A block is whole slots, and the slots are whole blocks: the driver counts on it and doesn't check.
    block = block < DEVARGS_SLOT ? DEVARGS_SLOT : round_up(block, DEVARGS_SLOT);
    if (!add(text, n, ",framesz=%u", DEVARGS_SLOT))
        return false;
    if (strstr(vdev, ",blocksz=") != NULL && !add(text, n, ",blocksz=%u", block))
        return false;
    return count == 0 || add(text, n, ",framecnt=%u", round_up(count, block / DEVARGS_SLOT));
}

bool devargs_slots_whole(const char *args)
{
    return number_of(args, "framesz", 0) >= DEVARGS_SLOT;
}
