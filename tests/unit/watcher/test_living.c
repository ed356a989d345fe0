/* SPDX-License-Identifier: BSD-3-Clause */
// Whose numbers stay theirs: the owners that live, and those that were gone for a moment only.
#include <stdlib.h>

#include <criterion/criterion.h>

#include "dispatch.h"
#include "living.h"
#include "peers.h"

static struct guests gs;
static struct conf conf;

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/nowhere");
    conf.max_vifs = conf.max_guests = 4;
    conf.guest_mac_grace = 30;
    peers_join(&gs, &conf);
    peers_loop.now = 1000 * CLOCK_SECOND;
    for (uint32_t k = 0; k < 3; k++) {
        gs.state->bindings[k] =
            (struct state_binding){ .used = 1, .domid = k + 1, .last_use = peers_loop.now - 100 * CLOCK_SECOND };
        snprintf(gs.state->bindings[k].uuid, sizeof(gs.state->bindings[k].uuid), "uuid-%u", k);
    }
}

TestSuite(living, .init = set_up);

static void hear(uint32_t domid, const char *uuid, bool gone)
{
    struct snapshot *s = snapshot_new(domid, 1);

    snprintf(s->uuid, sizeof(s->uuid), "%s", uuid);
    s->gone = gone;
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
}

static bool lives(uint32_t k)
{
    living_pin(&gs);
    return gs.pins.lives[k];
}

Test(living, until_all_were_heard_of_nobody_is_gone)
{
    cr_expect(lives(0) && lives(1) && !lives(3), "a free number has no owner");
    hear(1, "uuid-0", false);
    peers_loop.now += 9 * CLOCK_SECOND;
    cr_expect(lives(0) && lives(1));
    peers_loop.now += CLOCK_SECOND;
    cr_expect(lives(0), "it was heard of, though it has nothing to start");
    cr_expect(!lives(1), "it died while nobody watched");
}

Test(living, one_that_is_gone_keeps_its_number_for_a_reboot)
{
    hear(1, "uuid-0", false);
    gs.state->bindings[0].last_use = peers_loop.now;
    hear(1, "uuid-0", true);
    peers_loop.now += 29 * CLOCK_SECOND;
    cr_expect(lives(0));
    peers_loop.now += CLOCK_SECOND;
    cr_expect(!lives(0));
    hear(9, "uuid-0", false);
    cr_expect(lives(0), "it is back, under another domid");
    hear(9, "uuid-0", true);
    cr_expect(!lives(0));
}
