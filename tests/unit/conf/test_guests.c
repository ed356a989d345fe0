/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "rig.h"

TestSuite(guests, .init = set_up, .fini = tear_down);

Test(guests, a_guest_needs_a_domid_a_uuid_or_a_name)
{
    good("guests = ( { domid = 0; }, { uuid = \"" UUID_A "\"; }, { name = \"a\"; } );");
    cr_expect_eq(conf.n_guests, 3);
    bad("guests = (\n{ allow = true; } );", 2, "a guest without domid, uuid or name");
    bad("guests = ( { name = \"\"; } );", 1, "guests.name is \"\"");
    bad("guests = ( { uuid = \"0123\"; } );", 1, "guests.uuid is \"0123\"; allowed: a UUID");
    bad("guests = ( { uuid = \"" UUID_A "0\"; } );", 1, "a UUID");
    bad("guests = ( { uuid = \"g1234567-89ab-cdef-0123-456789abcdef\"; } );", 1, "a UUID");
    good("guests = ( { domid = 32751; } );");
    bad("guests = ( { domid = 32752; } );", 1, "allowed: 0 to 32751");
    bad("guests = ( { domid = -1; } );", 1, "allowed: 0 to 32751");
}

Test(guests, nothing_is_given_twice)
{
    bad("guests = ( { domid = 1; },\n{ domid = 1; } );", 2, "domid 1 is given twice");
    bad("guests = ( { name = \"a\"; },\n{ name = \"a\"; } );", 2, "name a is given twice");
    bad("guests = ( { uuid = \"" UUID_A "\"; },\n{ uuid = \"01234567-89AB-cdef-0123-456789abcdef\"; } );", 2,
        "is given twice");
    bad("guests = ( { domid = 1; vifs = ( { device = 1; },\n{ device = 1; } ); } );", 2, "device 1 is given twice");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; number = 3; } ); },\n"
        "{ domid = 2; vifs = ( { device = 0;\nnumber = 3; } ); } );",
        3, "number 3 is given twice");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; number = 3; vlan = 7; },\n"
        "{ device = 1; number = 4; vlan = 7; } ); } );",
        1, "vlan 7 is given twice");
    bad("max_vifs = 2;\nmax_vifs = 3;", 2, "duplicate setting name");
}

Test(guests, a_pinned_tag_may_not_be_another_numbers)
{
    bad("guests = ( { domid = 1; vifs = ( { device = 0; number = 3;\nvlan = 1004; } ); } );", 2,
        "vlan 1004 is given twice: number 4 has it too");
    good("guests = ( { domid = 1; vifs = ( { device = 0; number = 3; vlan = 1004; },"
         "{ device = 1; number = 4; vlan = 1003; } ); } );");
    cr_expect_eq(conf_vlan(&conf, 3), 1004);
    cr_expect_eq(conf_vlan(&conf, 4), 1003);
    cr_expect_eq(conf_vlan(&conf, 5), 1005);
}

Test(guests, a_vif_is_in_the_switch)
{
    good("max_vifs = 4; guests = ( { domid = 1; vifs = ( { device = 31; number = 3; vlan = 4094; uplink = 15; } ); } "
         ");");
    bad("guests = ( { domid = 1; vifs = ( { device = 32; } ); } );", 1, "allowed: 0 to 31");
    bad("guests = ( { domid = 1; vifs = ( { number = 1; } ); } );", 1, "a vif without device");
    bad("guests = ( { domid = 1; vifs = ( { device = 0;\nnumber = 4; } ); } );\nmax_vifs = 4;", 2,
        "number is 4; allowed: 0 to 3 (max_vifs - 1)");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; number = 1; vlan = 4095; } ); } );", 1, "allowed: 1 to 4094");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; vlan = 5; } ); } );", 1, "vlan without number");
    bad("guests = ( { domid = 1; uplink = 16; } );", 1, "allowed: 0 to 15");
}

Test(guests, what_is_not_said_of_a_guest_is_open)
{
    good("guests = ( { domid = 1; vifs = ( { device = 2; } ); } );");
    cr_expect_eq(conf.guests[0].allow, true);
    cr_expect_eq(conf.guests[0].compat_2_2, false);
    cr_expect_eq(conf.guests[0].promiscuous, -1);
    cr_expect_eq(conf.guests[0].mac_spoof_check, -1);
    cr_expect_eq(conf.guests[0].uplink, -1);
    cr_expect_eq(conf.guests[0].vifs[0].number, -1);
    cr_expect_eq(conf.guests[0].vifs[0].vlan, -1);
    cr_expect_eq(conf.guests[0].vifs[0].uplink, -1);
    cr_expect_eq(conf.guests[0].vifs[0].vlan_out, -1);
    cr_expect_eq(conf.guests[0].vifs[0].priority_tag, -1);
    cr_expect_eq(conf.guests[0].priority_tag, -1);
    cr_expect_eq(conf.guests[0].vlan_inside, 0);
    cr_expect_eq(conf.guests[0].vifs[0].vlan_inside, 0);
}

Test(guests, a_guest_is_found_by_uuid_then_domid_then_name)
{
    good("guests = ( { name = \"bob\"; }, { domid = 7; }, { uuid = \"" UUID_A "\"; } );");
    cr_expect_eq(conf_guest_find(&conf, 7, UUID_A, "bob"), &conf.guests[2]);
    cr_expect_eq(conf_guest_find(&conf, 7, "01234567-89AB-CDEF-0123-456789ABCDEF", "bob"), &conf.guests[2]);
    cr_expect_eq(conf_guest_find(&conf, 7, UUID_B, "bob"), &conf.guests[1]);
    cr_expect_eq(conf_guest_find(&conf, 8, UUID_B, "bob"), &conf.guests[0]);
    cr_expect_eq(conf_guest_find(&conf, 8, "", ""), NULL);
    cr_expect_eq(conf_guest_find(&conf, 8, UUID_B, "eve"), NULL);
}

Test(guests, an_entry_that_contradicts_does_not_match)
{
    good("guests = ( { domid = 7; uuid = \"" UUID_A "\"; compat_2_2 = true; } );");
    cr_expect_eq(conf_guest_find(&conf, 7, UUID_A, ""), &conf.guests[0]);
    cr_expect_eq(conf_guest_find(&conf, 7, UUID_B, ""), NULL); // the domid is another domain's now
    cr_expect_eq(conf_guest_find(&conf, 8, UUID_A, ""), NULL);
    cr_expect_eq(conf_guest_find(&conf, 7, "", ""), &conf.guests[0]); // no UUID known
}
