/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>

#include <criterion/criterion.h>

#include "outbox.h"

static int ready(const struct outbox *o)
{
    struct pollfd p = { .fd = o->fd, .events = POLLIN };

    return poll(&p, 1, 0);
}

Test(outbox, a_domain_has_one_snapshot_in_it_the_newest)
{
    struct outbox o;
    struct snapshot *last = NULL, *s;

    cr_assert_eq(outbox_open(&o), 0);
    outbox_put(&o, snapshot_new(8, 1));
    for (int i = 0; i < 10000; i++)
        outbox_put(&o, last = snapshot_new(7, 1));
    cr_expect_eq(ready(&o), 1);
    s = outbox_take(&o);
    cr_expect_eq(s->domid, 8);
    snapshot_free(s);
    s = outbox_take(&o);
    cr_expect_eq(s, last);
    snapshot_free(s);
    cr_expect_null(outbox_take(&o));
    cr_expect_eq(ready(&o), 0);
    outbox_close(&o);
}
