/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "ledger.h"
#include "owner.h"

static struct state *s;

static void make(void)
{
    struct ring_pos *pos;

    s = aligned_alloc(STATE_PAGE, sizeof(*s));
    memset(s, 0, sizeof(*s));
    for (uint32_t vif = 2; vif < 5; vif++) {
        s->bindings[vif].used = 1;
        s->bindings[vif].domid = vif == 4 ? 9 : 7;
        s->bindings[vif].device = vif;
        s->bindings[vif].guest = 1;
        s->bindings[vif].since = 3;
        s->bindings[vif].gen = s->bindings[vif].last_gen = 5;
    }
    ledger_start(&s->guests[1].vifs[0][2].from, 4, 4, 0);
    pos = ledger_begin(&s->guests[1].vifs[0][2].from);
    pos->frames = 100;
    pos->drops[DROP_TX_SPOOFED] = 11;
    ledger_commit(&s->guests[1].vifs[0][2].from, 0);
    s->wires[2].gen = 5;
    s->wires[2].drops[DROP_WIRE_TX_FULL] = 22;
}

static void fini(void)
{
    free(s);
}

TestSuite(owner, .init = make, .fini = fini);

Test(owner, what_the_device_counted_over_its_starts_is_its_own)
{
    struct owner o, sum = { 0 };

    cr_assert(owner_read(s, 2, &o));
    cr_expect_eq(o.from.frames, 100);
    owner_add(&sum, &o);
    owner_add(&sum, &o);
    cr_expect_eq(sum.from.drops[DROP_TX_SPOOFED], 22);
    cr_expect_eq(sum.wire_drops[DROP_WIRE_TX_FULL], 44);
}

Test(owner, what_another_device_counted_before_is_not)
{
    struct owner o;

    s->guests[1].vifs[0][2].from.gen = 2;
    s->wires[2].gen = 6;
    cr_assert(owner_read(s, 2, &o));
    cr_expect_eq(o.from.frames, 0);
    cr_expect_eq(o.wire_drops[DROP_WIRE_TX_FULL], 0);
}

Test(owner, nobody_has_a_number_that_was_never_given)
{
    struct owner o;

    cr_expect_not(owner_read(s, 1, &o));
    s->bindings[2].used = 0;
    cr_expect(owner_read(s, 2, &o), "who had it last");
}

Test(owner, domains_and_workers_are_named_once_and_those_that_are_gone_not)
{
    uint32_t numbers[FABRIC_VIFS_MAX], guest;

    cr_expect_eq(owner_vifs(s, numbers), 3);
    cr_expect_eq(owner_domids(s, numbers), 2);
    cr_expect(numbers[0] == 7 && numbers[1] == 9);
    cr_expect_eq(owner_workers(s, numbers), 0);
    s->slots[5].pid = 1000;
    s->guests[1].ctx.pid = 1001; // who says so is no worker of the watcher's
    cr_expect_eq(owner_workers(s, numbers), 0);
    s->guests[1].ctx.pid = 1000;
    cr_expect_eq(owner_workers(s, numbers), 2);
    cr_expect_eq(owner_worker(s, 1), 1000);
    s->slots[5].pid = 0;
    cr_expect_eq(owner_worker(s, 1), 0);
    s->bindings[4].gone = 1;
    cr_expect_eq(owner_domids(s, numbers), 1);
    cr_expect_eq(owner_vifs(s, numbers), 3);
    cr_expect_eq(owner_guest(s, 7, &guest), 0);
    cr_expect_eq(guest, 1);
    cr_expect_eq(owner_guest(s, 9, &guest), -ENOENT);
}

Test(owner, all_ones_in_a_workers_pages_are_only_numbers)
{
    struct owner o;

    memset(s->guests, 0xff, sizeof(s->guests));
    cr_expect(owner_read(s, 2, &o), "and it ends");
    cr_expect_eq(o.from.frames, 0, "of no generation of the device");
    s->guests[1].vifs[0][2].from.gen = 5;
    cr_expect(owner_read(s, 2, &o));
    cr_expect_eq(o.from.frames, UINT64_MAX);
}

Test(owner, a_binding_that_is_out_of_bounds_has_no_counters)
{
    struct owner o;
    uint32_t guest;

    s->bindings[2].guest = s->bindings[3].guest = FABRIC_GUESTS_MAX;
    cr_assert(owner_read(s, 2, &o));
    cr_expect_eq(o.from.frames, 0);
    cr_expect_eq(owner_guest(s, 7, &guest), -ENOENT);
}

Test(owner, of_a_uuid_no_byte_is_left_that_could_do_harm)
{
    struct state_binding b;

    memset(s->bindings[2].uuid, '"', sizeof(s->bindings[2].uuid));
    cr_assert(owner_binding(s, 2, &b));
    cr_expect_eq(strlen(b.uuid), sizeof(b.uuid) - 1);
    cr_expect_eq(strspn(b.uuid, "-"), sizeof(b.uuid) - 1);
}
