/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "ledger.h"
#include "stats.h"

static struct fabric fabric = { .max_vifs = 1 };
static struct primary primary = { .fabric = &fabric, .vifs = { { .gen = 7 } }, .since = { 7 } };

// The statistics where each reason for a drop was counted once, and the worker counted 100 frames each way.
static char *printed(void)
{
    struct ledger *ledgers[2];
    struct ring_pos *pos;
    char *text;
    size_t n;
    FILE *f;

    primary.state = aligned_alloc(STATE_PAGE, sizeof(*primary.state));
    memset(primary.state, 0, sizeof(*primary.state));
    ledgers[0] = &primary.state->guests[0].vifs[0][0].from;
    ledgers[1] = &primary.state->guests[0].vifs[0][0].to;
    for (uint32_t i = 0; i < 2; i++) {
        ledger_start(ledgers[i], 7, 7, 0);
        pos = ledger_begin(ledgers[i]);
        pos->frames = 100;
        pos->drops[0] = 1;
        ledger_commit(ledgers[i], 0);
    }
    for (uint32_t i = 0; i < WIRE_DROPS; i++)
        primary.state->wires[0].drops[i] = 1;
    f = open_memstream(&text, &n);
    stats_print(&primary, f);
    fclose(f);
    free(primary.state);
    return text;
}

// How many of the wire's drops have a name that begins so.
static uint32_t named(const char *begin)
{
#define NAME(name, text, ...) text,
    static const char *const names[] = { VIF_WIRE_DROPS(NAME) };
    uint32_t n = 0;

    for (uint32_t i = 0; i < WIRE_DROPS; i++)
        n += strncmp(names[i], begin, strlen(begin)) == 0;
    return n;
}

Test(stats, every_drop_of_the_wire_is_in_the_sums_of_its_side)
{
    char *text = printed(), line[64];
    uint32_t tx = named("wire_tx_"), rx = WIRE_DROPS - tx - 1;

    cr_expect_eq(named("group_budget"), 1, "the one that is neither");
    snprintf(line, sizeof(line), "TX total: \t\t101\nTX dropped: \t\t%u\nTX successful: \t\t%u\n", 1 + tx, 100 - tx);
    cr_expect_not_null(strstr(text, line), "\"%s\" is not in:\n%s", line, text);
    snprintf(line, sizeof(line), "RX total: \t\t%u\nRX dropped: \t\t%u\nRX successful: \t\t100\n", 101 + rx, 1 + rx);
    cr_expect_not_null(strstr(text, line), "\"%s\" is not in:\n%s", line, text);
    free(text);
}
