/* SPDX-License-Identifier: BSD-3-Clause */
// The back end's states: each situation alone, and whole lives against a front end and a toolstack that act at any time.
#include <stdint.h>

#include <criterion/criterion.h>

#include "xenbus.h"

#define NOTHING XenbusStateUnknown
#define GONE XenbusStateUnknown
#define INIT XenbusStateInitialising
#define WAIT XenbusStateInitWait
#define CONNECTED XenbusStateConnected
#define CLOSING XenbusStateClosing
#define CLOSED XenbusStateClosed

Test(xenbus, each_situation_has_its_step)
{
    static const struct {
        const char *what;
        struct xenbus_view v;
        enum xenbus_state state;
        bool remove;
    } rows[] = {
        { "a new device", { INIT, INIT, true, false, false }, WAIT, false },
        { "before the front end's directory is there", { INIT, GONE, true, false, false }, WAIT, false },
        { "it waits", { WAIT, INIT, true, false, false }, NOTHING, false },
        { "connected, and not served yet", { WAIT, CONNECTED, true, true, false }, NOTHING, false },
        { "served", { WAIT, CONNECTED, true, true, true }, CONNECTED, false },
        { "and so it stays", { CONNECTED, CONNECTED, true, true, true }, NOTHING, false },
        { "one that a watcher before connected", { CONNECTED, CONNECTED, true, true, false }, NOTHING, false },
        { "the front end closes", { CONNECTED, CLOSING, true, true, true }, CLOSING, false },
        { "the switch has let go", { CLOSING, CLOSING, true, false, false }, CLOSED, false },
        { "the driver is loaded anew", { CLOSED, INIT, true, false, false }, WAIT, false },
        { "a kernel that begins anew without a word", { CONNECTED, INIT, true, true, true }, CLOSING, false },
        { "and then", { CLOSING, INIT, true, false, false }, WAIT, false },
        { "detached while it runs", { CONNECTED, CONNECTED, false, true, true }, CLOSING, false },
        { "both are closed", { CLOSING, CLOSED, false, false, false }, CLOSED, false },
        { "and the toolstack could see it", { CLOSED, CLOSED, false, false, false }, NOTHING, true },
        { "a front end that says nothing", { CLOSED, CONNECTED, false, false, false }, NOTHING, true },
        { "destroyed", { CONNECTED, GONE, false, true, true }, CLOSING, false },
        { "and let go", { CLOSING, GONE, false, false, false }, CLOSED, false },
        { "and that could be seen", { CLOSED, GONE, false, false, false }, NOTHING, true },
        { "a front end's directory that vanished", { CONNECTED, GONE, true, true, true }, CLOSING, false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xenbus_step s = xenbus_next(&rows[i].v);

        cr_expect_eq(s.state, rows[i].state, "%s: %d, not %d", rows[i].what, s.state, rows[i].state);
        cr_expect_eq(s.remove, rows[i].remove, "%s", rows[i].what);
    }
}

// Whatever they do: closed only when let go, connected only when served, and at rest after a few steps.
Test(xenbus, whatever_the_others_do_it_says_closed_only_when_it_has_let_go)
{
    for (uint32_t back = 0; back <= 8; back++)
        for (uint32_t front = 0; front <= 8; front++)
            for (uint32_t bits = 0; bits < 8; bits++) {
                struct xenbus_view v = { back, front, bits & 1, bits & 2, (bits & 6) == 6 };
                unsigned steps = 0;

                for (struct xenbus_step s; (s = xenbus_next(&v)).state != NOTHING && !s.remove; v.back = s.state) {
                    cr_assert(s.state != CLOSED || !v.served);
                    cr_assert(s.state != CONNECTED || v.ready);
                    cr_assert(!s.remove || (!v.served && !v.online));
                    cr_assert_lt(steps++, 3, "back %u front %u bits %u", back, front, bits);
                }
            }
}

Test(xenbus, states_are_one_digit)
{
    static const char *const none[] = { NULL, "", "0", "9", "4 ", "44", "x", "-1", "٤" };

    for (char c = '1'; c <= '8'; c++)
        cr_expect_eq(xenbus_state_of((char[]){ c, '\0' }), (enum xenbus_state)(c - '0'));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_expect_eq(xenbus_state_of(none[i]), XenbusStateUnknown, "%s", none[i]);
}
