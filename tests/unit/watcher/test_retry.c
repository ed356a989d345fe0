/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "retry.h"

Test(retry, the_more_often_it_dies_the_later_it_starts)
{
    static const uint64_t waits[] = { 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
    struct retry r = { 0 };

    for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        retry_after_death(&r, CLOCK_SECOND);
        cr_expect(retry_due(&r, CLOCK_SECOND + waits[i] * CLOCK_MS), "%u", i);
        cr_expect(waits[i] == 0 || !retry_due(&r, CLOCK_SECOND + waits[i] * CLOCK_MS - 1), "%u", i);
    }
}

Test(retry, one_that_is_forgiven_starts_at_once)
{
    struct retry r = { 0 };

    retry_after_death(&r, 1);
    retry_after_death(&r, 1);
    cr_assert(!retry_due(&r, 1));
    retry_forgive(&r);
    retry_after_death(&r, 2);
    cr_expect(retry_due(&r, 2));
}
