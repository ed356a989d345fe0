/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <criterion/criterion.h>

#include "events.h"

// ---- what stands for Xen

static int restrict_error;
static domid_t restricted;

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
    (void)xce;
    restricted = domid;
    errno = restrict_error;
    return restrict_error != 0 ? -1 : 0;
}

// ---- restriction

Test(events, a_handle_binds_channels_of_its_guest_alone)
{
    xenevtchn_handle *evt = (xenevtchn_handle *)&restricted;

    cr_assert_eq(events_restrict(evt, 7), 0);
    cr_assert_eq(restricted, 7);
    cr_assert_eq(events_restrict(NULL, 7), 0, "no event channels at all");
}

Test(events, without_the_call_a_worker_goes_on)
{
    static const struct {
        int error;
        uint32_t domid;
        int ret;
    } rows[] = { { ENOTTY, 7, 0 }, { EINVAL, 0, 0 }, { EINVAL, 7, -EINVAL }, { EACCES, 7, -EACCES } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        restrict_error = rows[i].error;
        cr_expect_eq(events_restrict((xenevtchn_handle *)&restricted, rows[i].domid), rows[i].ret, "%zu", i);
    }
}
