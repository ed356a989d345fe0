/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "number.h"
#include "xenvirt.h"

int number_parse(const char *text, int base, uint32_t max, uint32_t *number)
{
    const char *digits = base == 16 && strncasecmp(text, "0x", 2) == 0 ? text + 2 : text;
    unsigned long long v;
    char *end;

    if (!(base == 16 ? isxdigit((unsigned char)digits[0]) : isdigit((unsigned char)digits[0])))
        return -EINVAL;
    if (base == 16 && strncasecmp(digits, "0x", 2) == 0) // strtoull() would take a second one
        return -EINVAL;
    errno = 0;
    v = strtoull(digits, &end, base);
    if (errno != 0 || *end != '\0' || v > max)
        return -EINVAL;
    *number = (uint32_t)v;
    return 0;
}

int number_domid(const char *text, uint32_t *domid)
{
    return strlen(text) > 5 ? -EINVAL : number_parse(text, 10, XENVIRT_DOMID_LAST, domid);
}

int number_mac(const char *text, uint8_t mac[6])
{
    if (strlen(text) != strlen("00:00:00:00:00:00"))
        return -EINVAL;
    for (unsigned i = 0; i < 6; i++) {
        const char *p = text + 3 * i;
        char byte[3] = { p[0], p[1], '\0' };

        if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) || p[2] != (i < 5 ? ':' : '\0'))
            return -EINVAL;
        mac[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return 0;
}
