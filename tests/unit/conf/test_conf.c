/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "log.h"
#include "option.h"
#include "rig.h"

static struct conf again;

TestSuite(conf, .init = set_up, .fini = tear_down);

static char *printed(const struct conf *c)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    conf_print(c, f);
    fclose(f);
    return text;
}

static char *slurp(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n;

    cr_assert_not_null(f, "%s", path);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

Test(conf, an_empty_file_gives_the_defaults)
{
    good("");
    cr_expect_str_eq(conf.run_dir, "/run/xv");
    cr_expect_str_eq(conf.file_prefix, "xv");
    cr_expect_eq(conf.log_level, LOG_INFO);
    cr_expect_eq(conf.max_vifs, 16);
    cr_expect_eq(conf.max_guests, 16);
    cr_expect_eq(conf.lane_slots, 1024);
    cr_expect_eq(conf.buffers, 2048);
    cr_expect_eq(conf.vlan_base, 1000);
    cr_expect_eq(conf.primary_start, CONF_START_EXTERNAL);
    cr_expect_eq(conf.worker_start, CONF_START_WATCHER);
    cr_expect_eq(conf.primary_portmask, 0xffff);
    cr_expect(conf.primary_vm2vm && conf.guest_allow && conf.guest_mac_spoof_check);
    cr_expect(!conf.guest_promiscuous && !conf.guest_vlan_out && !conf.guest_priority_tag);
    cr_expect_eq(conf.n_guests, 0);
    cr_expect_eq(conf.n_eal_args, 0);
    cr_expect(conf.nic_vmdq && conf.nic_overflow == CONF_OVERFLOW_REFUSE);
    cr_expect_eq(conf.guest_pools, FABRIC_VIFS_MAX);
    cr_expect_eq(conf.guest_pages, 16000);
}

Test(conf, pages_may_be_limited)
{
    good("guest: { pages = 20000; }; guests = ( { domid = 1; pages = 8; }, { domid = 2; } );");
    cr_expect_eq(conf.guest_pages, 20000);
    cr_expect_eq(conf.guests[0].pages, 8);
    cr_expect_eq(conf.guests[1].pages, -1);
    bad("guest: { pages = 7; };", 1, "guest.pages is 7; allowed: 8 to 16777216");
}

Test(conf, pools_may_be_limited_overflow_or_be_unused)
{
    good("nic: { vmdq = false; overflow = \"software\"; }; guest: { pools = 2; };"
         "guests = ( { domid = 1; pools = 0; }, { domid = 2; } );");
    cr_expect(!conf.nic_vmdq && conf.nic_overflow == CONF_OVERFLOW_SOFTWARE);
    cr_expect_eq(conf.guest_pools, 2);
    cr_expect_eq(conf.guests[0].pools, 0);
    cr_expect_eq(conf.guests[1].pools, -1);
    bad("nic: { overflow = \"drop\"; };", 1, "nic.overflow is \"drop\"; allowed: \"refuse\", \"software\"");
    bad("guest: { pools = 129; };", 1, "guest.pools is 129; allowed: 0 to 128");
}

Test(conf, macs_are_pinned_or_denied)
{
    const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x1f }, vrrp[6] = { 0, 0, 0x5e, 0, 1, 7 };

    good("guests = ( { domid = 1; vifs = ( { device = 0; mac = \"02:00:00:00:00:1F\"; },"
         " { device = 1; mac = \"02:00:00:00:00:1f\"; }, { device = 2; } ); },"
         " { domid = 2; mac_deny = [ \"02:00:00:00:00:10/44\" ]; } );"
         "guest: { mac_deny = [ \"00:00:5e:00:01:00/40\", \"ff:ff:ff:ff:ff:ff\" ]; mac_grace = 0; };");
    cr_expect_eq(conf_mac_find(&conf, mac), &conf.guests[0].vifs[0]);
    cr_expect_null(conf_mac_find(&conf, vrrp));
    cr_expect(conf_macs_have(conf.guest_mac_deny, conf.n_guest_mac_deny, vrrp));
    cr_expect(!conf_macs_have(conf.guest_mac_deny, conf.n_guest_mac_deny, mac));
    cr_expect(conf_macs_have(conf.guests[1].mac_deny, conf.guests[1].n_mac_deny, mac));
    cr_expect_eq(conf.guests[0].n_mac_deny, 0);
    cr_expect(!conf_mac_is(&conf.guests[0].vifs[2].mac, (uint8_t[6]){ 0 }), "not said is none");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; mac = \"02:00:00:00:00:1\"; } ); } );", 1,
        "guests.vifs.mac is \"02:00:00:00:00:1\"; allowed: a unicast MAC as \"02:00:00:00:00:01\"");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; mac = \"01:00:00:00:00:01\"; } ); } );", 1,
        "guests.vifs.mac is");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; mac = \"02:00:00:00:00:01/40\"; } ); } );", 1, "vifs.mac is");
    bad("guest: { mac_deny = [ \"02:00:00:00:00:01/0\" ]; };", 1, "guest.mac_deny is \"02:00:00:00:00:01/0\"");
    bad("guest: { mac_deny = [ \"02:00:00:00:00:01/49\" ]; };", 1, "guest.mac_deny is");
    bad("guest: { mac_deny = [ 1 ]; };", 1, "guest.mac_deny is a number");
    bad("guests = ( { domid = 1; vifs = ( { device = 0; mac = \"02:00:00:00:00:01\"; } ); },\n{ domid = 2;"
        " vifs = ( { device = 0;\nmac = \"02:00:00:00:00:01\"; } ); } );",
        3, "the MAC is another guest's too");
}

Test(conf, an_uplinks_mtu_is_its_own_or_that_of_all_or_not_said)
{
    good("");
    cr_expect_eq(conf_mtu(&conf, 0), 0);
    good("uplinks = ( { number = 1; mtu = 2034; }, { number = 2; } );");
    cr_expect_eq(conf_mtu(&conf, 0), 0);
    cr_expect_eq(conf_mtu(&conf, 1), 2034);
    cr_expect_eq(conf_mtu(&conf, 2), 0);
    good("nic: { mtu = 1400; }; uplinks = ( { number = 15; mtu = 68; }, { number = 2; } );");
    cr_expect_eq(conf_mtu(&conf, 0), 1400);
    cr_expect_eq(conf_mtu(&conf, 2), 1400);
    cr_expect_eq(conf_mtu(&conf, 15), 68);
    bad("uplinks = { };", 1, "uplinks is a group; allowed: a list");
    bad("uplinks = ( 1 );", 1, "an uplink is a number; allowed: a group");
    bad("uplinks = (\n{ mtu = 1500; } );", 2, "an uplink without number; allowed: 0 to 15");
    bad("uplinks = ( { number = 16; } );", 1, "uplinks.number is 16; allowed: 0 to 15");
    bad("uplinks = ( { number = 1;\nmtu = 2035; } );", 2, "uplinks.mtu is 2035; allowed: 68 to 2034");
    bad("uplinks = ( { number = 1; },\n{ number = 1; } );", 2, "uplink 1 is given twice");
}

Test(conf, without_the_usual_file_the_defaults_are_in_force)
{
    if (access(CONF_FILE, F_OK) == 0)
        cr_skip_test("there is a " CONF_FILE);
    cr_assert_eq(conf_read(&conf, NULL, err, sizeof(err)), 0);
    good("");
    cr_assert_eq(conf_read(&again, NULL, err, sizeof(err)), 0);
    cr_expect_eq(memcmp(&conf, &again, sizeof(conf)), 0);
}

Test(conf, a_named_file_that_is_missing_is_an_error)
{
    cr_expect_eq(conf_read(&conf, file, err, sizeof(err)), -ENOENT);
    cr_expect_not_null(strstr(err, file));
}

Test(conf, a_directory_is_no_file)
{
    cr_expect_eq(conf_read(&conf, dir, err, sizeof(err)), -EISDIR);
}

Test(conf, max_guests_follows_max_vifs_up_to_96)
{
    good("max_vifs = 3;");
    cr_expect_eq(conf.max_guests, 3);
    good("max_vifs = 128;");
    cr_expect_eq(conf.max_guests, 96);
    good("max_vifs = 8; max_guests = 20;");
    cr_expect_eq(conf.max_guests, 20);
}

Test(conf, unknown_key_is_an_error_with_its_line)
{
    bad("\nfoo = 1;", 2, "unknown option foo; known here: run_dir,");
    bad("primary: {\n\n mbuf = 1; };", 3, "unknown option primary.mbuf; known here: start,");
    bad("worker: { x: {}; };", 1, "unknown option worker.x");
    bad("mbufs = 8192;", 1, "unknown option mbufs");
    bad("guests = ( {\ndomid = 1;\nfoo = 1; } );", 3, "unknown option guests.foo");
    bad("guests = ( { domid = 1; vifs = (\n{ device = 0;\nfoo = 1; } ); } );", 3, "unknown option guests.vifs.foo");
    bad("nest: { a = 1; };", 1, "unknown option nest");
}

Test(conf, wrong_type_is_an_error_with_its_line)
{
    bad("\n\nmax_vifs = \"16\";", 3, "max_vifs is a string; allowed: 1 to 128");
    bad("max_vifs = 16.0;", 1, "max_vifs is a number with a decimal point");
    bad("max_vifs = true;", 1, "max_vifs is true or false");
    bad("run_dir = 1;", 1, "run_dir is a number; allowed: an absolute path");
    bad("primary = 1;", 1, "primary is a number; allowed: a group");
    bad("primary = ();", 1, "primary is a list; allowed: a group");
    bad("primary: { vm2vm = 1; };", 1, "primary.vm2vm is a number; allowed: true, false");
    bad("primary: { eal_args = \"-a\"; };", 1, "primary.eal_args is a string; allowed: a list of strings");
    bad("primary: { eal_args = [ 1 ]; };", 1, "primary.eal_args is a number");
    bad("primary: { eal_args = [ \"\" ]; };", 1, "primary.eal_args is \"\"");
    bad("guests = { };", 1, "guests is a group; allowed: a list");
    bad("guests = ( 1 );", 1, "a guest is a number; allowed: a group");
    bad("guests = ( { domid = 1; vifs = { }; } );", 1, "guests.vifs is a group; allowed: a list");
    bad("guests = ( { domid = 1; vifs = ( 1 ); } );", 1, "a vif is a number; allowed: a group");
    bad("log_level = 3;", 1, "log_level is a number; allowed: \"error\"");
}

static const struct {
    const char *group; // "": none
    const char *name;
    long long low, high;
} ranges[] = {
    { "", "max_vifs", 1, 128 },
    { "", "max_guests", 1, 96 },
    { "", "buffers", 256, 65536 },
    { "primary", "mbufs", 512, 1048576 },
    { "primary", "memory_mb", 0, 1048576 },
    { "primary", "portmask", 1, 0xffff },
    { "primary", "stats", 0, 86400 },
    { "primary", "group_rate", 1, 10000000 },
    { "nic", "mtu", 68, 2034 },
    { "worker", "start_ms", 100, 600000 },
    { "worker", "hang_ms", 100, 600000 },
    { "poll", "busy", 0, 1000000000 },
    { "poll", "yield", 0, 1000000000 },
    { "poll", "sleep_us", 0, 10000 },
};

Test(conf, a_number_is_good_at_the_edge_and_bad_one_past_it)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const char *open = ranges[i].group[0] != '\0' ? ": { " : "";
        const char *close = ranges[i].group[0] != '\0' ? " };" : "";
        const long long values[] = { ranges[i].low - 1, ranges[i].low, ranges[i].high, ranges[i].high + 1 };

        for (int j = 0; j < 4; j++) {
            char text[128];

            snprintf(text, sizeof(text), "%s%s%s = %lld;%s", ranges[i].group, open, ranges[i].name, values[j], close);
            if (j == 0 || j == 3)
                bad(text, 1, "allowed: ");
            else
                good(text);
        }
    }
}

Test(conf, a_number_of_64_bits_is_not_cut)
{
    bad("buffers = 4294967808L;", 1, "buffers is 4294967808");
    bad("primary: { portmask = 0xffffffff; };", 1, "primary.portmask is 4294967295");
}

Test(conf, lane_slots_is_a_power_of_two)
{
    good("lane_slots = 64;");
    good("lane_slots = 65536;");
    bad("lane_slots = 32;", 1, "a power of two from 64 to 65536");
    bad("lane_slots = 65;", 1, "a power of two");
    bad("lane_slots = 131072;", 1, "a power of two");
}

Test(conf, tags_end_at_4094)
{
    good("vlan_base = 4079;");
    bad("vlan_base = 4080;", 1, "tags up to 4095; allowed: up to 4094");
    good("vlan_base = 4094; max_vifs = 1;");
    bad("vlan_base = 0;", 1, "allowed: 1 to 4094");
    bad("vlan_base = 4095; max_vifs = 1;", 1, "allowed: 1 to 4094");
}

Test(conf, fewer_spares_than_guests)
{
    good("max_guests = 4; worker: { spares = 3; };");
    bad("max_guests = 4;\nworker: {\nspares = 4; };", 3, "fewer than max_guests (4)");
}

Test(conf, words_are_the_listed_ones)
{
    good("log_level = \"error\"; worker: { start = \"external\"; }; primary: { start = \"watcher\"; };");
    cr_expect_eq(conf.log_level, LOG_ERR);
    cr_expect_eq(conf.worker_start, CONF_START_EXTERNAL);
    cr_expect_eq(conf.primary_start, CONF_START_WATCHER);
    good("log_level = \"debug\";");
    cr_expect_eq(conf.log_level, LOG_DEBUG);
    bad("log_level = \"Debug\";", 1, "log_level is \"Debug\"; allowed: \"error\", \"warning\"");
    bad("worker: { start = \"\"; };", 1, "\"watcher\", \"external\"");
}

Test(conf, texts_have_a_form_and_a_length)
{
    char text[256];

    snprintf(text, sizeof(text), "run_dir = \"/%089d\";", 0);
    good(text);
    snprintf(text, sizeof(text), "run_dir = \"/%090d\";", 0);
    bad(text, 1, "up to 90 characters");
    bad("run_dir = \"run/xv\";", 1, "an absolute path");
    bad("run_dir = \"\";", 1, "an absolute path");
    good("huge_dir = \"\";");
    bad("file_prefix = \"a/b\";", 1, "letters, digits");
    bad("file_prefix = \"\";", 1, "letters, digits");
    bad("primary: { path = \"xv-primary\"; };", 1, "an absolute path or");
}

Test(conf, cpu_lists_are_checked)
{
    static const char *const oks[] = { "", "0", "0-3,6", "1,2,3", "1023", "5-5" };
    static const char *const bads[] = { "1024", "3-1", "a", "1-", "-1", "1,", ",1", "1-2-3", "1 2" };
    char text[64];

    for (size_t i = 0; i < sizeof(oks) / sizeof(oks[0]); i++) {
        snprintf(text, sizeof(text), "worker: { cpus = \"%s\"; };", oks[i]);
        good(text);
    }
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        snprintf(text, sizeof(text), "worker: { cpus = \"%s\"; };", bads[i]);
        bad(text, 1, "worker.cpus is ");
    }
}

Test(conf, what_is_printed_reads_back)
{
    char *first, *second;

    good("run_dir = \"/tmp/a\\\"b\\\\c\\x01\"; max_vifs = 128; log_level = \"debug\";"
         "primary: { portmask = 0x5; eal_args = [ \"--vdev=net_tap0,iface=a b\", \"-l\" ]; };"
         "worker: { cpus = \"0-3,6\"; start = \"external\"; };"
         "nic: { mtu = 1400; }; uplinks = ( { number = 0; mtu = 68; }, { number = 3; } );"
         "guest: { vlan_inside = \"own\"; };"
         "guests = ( { domid = 1; compat_2_2 = true; promiscuous = false; vlan_inside = \"1-4094\"; uplink = 3;"
         "    vifs = ( { device = 0; number = 3; vlan = 7; uplink = 0; vlan_out = true; }, { device = 1; } ); },"
         "  { uuid = \"" UUID_A "\"; name = \"bob \\\"b\\\"\"; allow = false; } );");
    first = printed(&conf);
    cr_assert_eq(read_text(&again, first), 0, "%s in:\n%s", err, first);
    cr_expect_eq(memcmp(&conf, &again, sizeof(conf)), 0);
    second = printed(&again);
    cr_expect_str_eq(first, second);
    free(first);
    free(second);
}

Test(conf, an_included_file_is_named_in_its_errors)
{
    char inc[80];
    FILE *f;

    snprintf(inc, sizeof(inc), "%s/more.conf", dir);
    f = fopen(inc, "w");
    fputs("\nfoo = 1;\n", f);
    fclose(f);
    cr_expect_eq(read_text(&conf, "@include \"more.conf\"\n"), -EINVAL);
    unlink(inc);
    cr_expect_not_null(strstr(err, "more.conf:2: unknown option foo"), "%s", err);
}

Test(conf, syntax_errors_have_their_line)
{
    bad("max_vifs = 16;\nmax_guests = ;", 2, "syntax error");
}

Test(conf, a_short_error_buffer_is_not_overrun)
{
    char tiny[8] = "1234567";

    read_text(&conf, "foo = 1;");
    cr_expect_eq(conf_read(&conf, file, tiny, 4), -EINVAL);
    cr_expect_eq(tiny[3], '\0');
    cr_expect_eq(tiny[4], '5');
}

Test(conf, the_manual_has_every_option_as_the_table_says)
{
    const char *doc = slurp(DOCS "/xv.conf.5.md");
    char *rows, *row, *save;
    size_t n;
    FILE *f = open_memstream(&rows, &n);

    conf_describe(f);
    fclose(f);
    for (row = strtok_r(rows, "\n", &save); row != NULL; row = strtok_r(NULL, "\n", &save))
        cr_expect_not_null(strstr(doc, row), "docs/xv.conf.5.md lacks: %s", row);
    free(rows);
}

// A second option with texts would be another struct's field, or another field: the row alone says which.
Test(conf, a_row_of_texts_says_where_they_and_their_number_are)
{
    struct {
        char first[3][CONF_TEXT_BYTES];
        uint32_t n_first;
        char second[2][CONF_TEXT_BYTES];
        uint32_t n_second;
    } has = { .second = { "a", "b" }, .n_second = 2 };
    const struct option row = { .type = OPTION_TEXTS,
        .offset = (size_t)((char *)has.second - (char *)&has),
        .count = (size_t)((char *)&has.n_second - (char *)&has) };
    const struct option *o = option_find("primary.", "eal_args");

    cr_expect_eq(option_count(&row, &has), &has.n_second);
    cr_expect_str_eq(option_text(&row, &has, 1), "b");
    cr_expect_eq(option_count(o, &conf), &conf.n_eal_args);
    cr_expect_eq(option_text(o, &conf, 31), conf.eal_args[31]);
    cr_expect_eq(o->most, CONF_EAL_ARGS_MAX);
}

Test(conf, the_example_reads)
{
    cr_expect_eq(conf_read(&conf, DOCS "/xv.conf.example", err, sizeof(err)), 0, "%s", err);
    cr_expect_gt(conf.n_guests, 0);
}
