/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vlans.h"

static bool vlan_read(const char **text, uint16_t *vlan)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char)**text))
        return false;
    n = strtoul(*text, &end, 10);
    *text = end;
    *vlan = (uint16_t)n;
    return n >= 1 && n <= RULES_VLAN_LAST;
}

static bool range_read(const char **text, struct rules_vlans *range)
{
    if (!vlan_read(text, &range->first))
        return false;
    range->last = range->first;
    if (**text != '-')
        return true;
    ++*text;
    return vlan_read(text, &range->last) && range->first <= range->last;
}

// The ranges of a list; false if it is none.
static bool list_read(const char *text, struct rules_vlans *ranges)
{
    for (uint32_t i = 0; i < RULES_VLANS_MAX; i++, text++) {
        if (!range_read(&text, &ranges[i]))
            return false;
        if (*text != ',')
            return *text == '\0';
    }
    return false;
}

bool vlans_ok(const char *text)
{
    struct rules_vlans ranges[RULES_VLANS_MAX];

    return strcmp(text, "none") == 0 || strcmp(text, "own") == 0 || list_read(text, ranges);
}

void vlans_rules(struct rules *r, const char *text, uint16_t own)
{
    memset(r->vlans, 0, sizeof(r->vlans));
    r->sends_only = strcmp(text, "own") == 0;
    if (r->sends_only)
        r->vlans[0] = (struct rules_vlans){ .first = own, .last = own };
    else if (strcmp(text, "none") != 0)
        list_read(text, r->vlans);
}
