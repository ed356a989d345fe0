/* SPDX-License-Identifier: BSD-3-Clause */
#include "scan.h"
#include "domain.h"

void scan_start(struct scan *s)
{
    *s = (struct scan){ .next = 1 };
}

void scan_stop(struct scan *s)
{
    s->next = 0;
}

bool scan_on(const struct scan *s)
{
    return s->next != 0;
}

uint32_t scan_take(struct scan *s, uint64_t now_ns)
{
    uint32_t domid = s->next;

    if (domid == 0 || now_ns < s->due_ns)
        return 0;
    s->next = domid + 1 < DOMAINS_MAX ? domid + 1 : 0;
    return domid;
}

void scan_rest(struct scan *s, uint64_t now_ns)
{
    s->due_ns = now_ns + SCAN_REST_NS;
}
