/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "rig.h"

TestSuite(vlans, .init = set_up, .fini = tear_down);

Test(vlans, what_is_neither_a_word_nor_a_list_is_refused)
{
    for (int i = 0; i < 9; i++) {
        static const char *const texts[] = { "", "all", "0", "4095", "7-", "9-8", "1,,2", "1, 2",
            "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" };
        char text[128];

        snprintf(text, sizeof(text), "guest: { vlan_inside = \"%s\"; };", texts[i]);
        bad(text, 1, "allowed: \"none\", \"own\", or VLANs from 1 to 4094 as \"10,200-299\"");
    }
    good("guest: { vlan_inside = \"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\"; };");
}

static struct rules rules_of(int guest, int vif, uint32_t vlan)
{
    struct rules r;

    conf_rules(&conf, guest < 0 ? NULL : &conf.guests[guest], vif < 0 ? NULL : &conf.guests[guest].vifs[vif], vlan, &r);
    cr_assert(rules_ok(&r));
    return r;
}

Test(vlans, vlan_inside_is_a_words_or_a_lists_and_the_nearest_counts)
{
    struct rules r;

    good("");
    r = rules_of(-1, -1, 1000);
    cr_expect_not(rules_send(&r, 1000));
    good("guest: { vlan_inside = \"own\"; };"
         "guests = ( { domid = 1; vlan_inside = \"7,100-199,4094\";"
         "    vifs = ( { device = 0; vlan_inside = \"none\"; }, { device = 1; }, { device = 2; vlan_inside = \"7\"; } "
         "); } );");
    r = rules_of(-1, -1, 1003);
    cr_expect(rules_send(&r, 1003) && !rules_send(&r, 1002) && !rules_get(&r, 1003));
    r = rules_of(0, 0, 1003);
    cr_expect(!rules_send(&r, 1003) && !rules_send(&r, 7));
    r = rules_of(0, 1, 1003);
    cr_expect(rules_get(&r, 7) && rules_get(&r, 100) && rules_get(&r, 199) && rules_get(&r, 4094));
    cr_expect(!rules_get(&r, 6) && !rules_get(&r, 99) && !rules_get(&r, 200) && !rules_send(&r, 1003));
    r = rules_of(0, 2, 1003);
    cr_expect(rules_get(&r, 7) && !rules_get(&r, 100));
}

Test(vlans, the_vlans_that_a_number_may_need_are_its_own_or_those_of_all_without_one)
{
    uint64_t bits[CONF_VLAN_WORDS];

    good("guests = ( { domid = 1; vlan_inside = \"100\"; vifs = ( { device = 0; number = 3; vlan_inside = \"7\"; },"
         "    { device = 1; vlan_inside = \"64-65\"; } ); }, { domid = 2; vlan_inside = \"own\"; } );");
    conf_trunk(&conf, 3, bits);
    cr_expect_eq(bits[0], 1ull << 7);
    cr_expect_eq(bits[1], 0);
    conf_trunk(&conf, 4, bits);
    cr_expect_eq(bits[0], 0);
    cr_expect_eq(bits[1], 3 | 1ull << 36);
    for (int i = 2; i < 64; i++)
        cr_expect_eq(bits[i], 0);
}
