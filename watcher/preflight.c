/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stdlib.h>

#include "preflight.h"

uint32_t preflight_cpus(const char *list)
{
    uint32_t n = 0;
    cpu_set_t set;

    if (*list == '\0')
        return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (uint32_t)CPU_COUNT(&set);
    while (*list != '\0') {
        char *end;
        unsigned long from = strtoul(list, &end, 10), to = from;

        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        n += (uint32_t)(to - from + 1);
        list = *end == ',' ? end + 1 : end;
    }
    return n;
}

const char *preflight_crowded(const struct conf *c, uint32_t cpus, char text[static PREFLIGHT_TEXT_BYTES])
{
    uint64_t percent = (uint64_t)c->max_guests * PREFLIGHT_TURN_US * 100 / (c->poll_sleep_us + PREFLIGHT_SLACK_US) /
                       cpus;

    if (c->max_guests <= cpus)
        return NULL;
    if (c->poll_sleep_us == 0)
        snprintf(text, PREFLIGHT_TEXT_BYTES,
            "poll.sleep_us = 0, and up to %u workers (max_guests) share %u CPUs without ever sleeping: "
            "set poll.sleep_us, or give them more CPUs (worker.cpus)",
            c->max_guests, cpus);
    else if (percent >= PREFLIGHT_PERCENT)
        snprintf(text, PREFLIGHT_TEXT_BYTES,
            "up to %u idle workers (max_guests) that sleep %u us want all of %u CPUs: they will sleep longer; "
            "raise poll.sleep_us, or give them more CPUs (worker.cpus)",
            c->max_guests, c->poll_sleep_us, cpus);
    else
        return NULL;
    return text;
}
