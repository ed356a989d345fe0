/* SPDX-License-Identifier: BSD-3-Clause */
// What a person who wrote the file wrongly reads: every mistake, once, in the order of the lines.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "conf.h"

static struct conf conf;
static char dir[] = "/tmp/xv-mistakes-XXXXXX";
static char file[64];
static char err[CONF_ERR_BYTES];

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/xv.conf", dir);
}

static void tear_down(void)
{
    unlink(file);
    rmdir(dir);
}

TestSuite(mistakes, .init = set_up, .fini = tear_down);

static int read_bytes(const char *text, size_t n)
{
    FILE *f = fopen(file, "w");

    cr_assert_not_null(f);
    fwrite(text, 1, n, f);
    fclose(f);
    return conf_read(&conf, file, err, sizeof(err));
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

// Exactly these mistakes are said: "LINE: how it begins", one a line, in this order.
static void said(const char *text, const char *mistakes)
{
    char *lines = strdup(mistakes), *save_is, *save_want;
    char *is, *want;

    cr_expect_eq(read_text(text), -EINVAL, "accepted: %s", text);
    is = strtok_r(err, "\n", &save_is);
    want = strtok_r(lines, "\n", &save_want);
    for (; is != NULL && want != NULL; is = strtok_r(NULL, "\n", &save_is), want = strtok_r(NULL, "\n", &save_want)) {
        cr_expect(strncmp(is, file, strlen(file)) == 0 && strncmp(is + strlen(file) + 1, want, strlen(want)) == 0,
            "\"%s\" does not begin with FILE:%s in:\n%s", is, want, text);
    }
    cr_expect_null(is, "not expected: %s", is);
    cr_expect_null(want, "not said: %s", want);
    free(lines);
}

Test(mistakes, all_are_said_in_the_order_of_the_lines)
{
    said("max_vifs = 0;\n\nfoo = 1;\nprimary: { mbufs = 1; mbuf = 2; };\nrun_dir = 7;\nlog_level = \"loud\";",
        "1: max_vifs is 0; allowed: 1 to 128\n3: unknown option foo\n4: primary.mbufs is 1;\n"
        "4: unknown option primary.mbuf;\n5: run_dir is a number\n6: log_level is \"loud\"");
    // What only the whole says stands where it belongs.
    said("guests = ( { domid = 1;\nvifs = ( { device = 1; number = 9; } ); },\n{ domid = 1; allow = 1; } );\nmax_vifs "
         "= 4;",
        "2: number is 9; allowed: 0 to 3\n3: guests.allow is a number\n3: domid 1 is given twice");
    said("vlan_base = 4090;\nmax_guests = 4;\nworker: {\nspares = 4; };",
        "1: vlan_base 4090 and max_vifs 16 need tags up to 4105\n4: worker.spares is 4; allowed: fewer than");
    said("max_vifs = 1;\nmax_vifs = 2;\nbuffers = 3;",
        "2: max_vifs is given twice (duplicate setting name), in line 1 too\n"
        "3: buffers is 3");
    said("primary: {\neal_args = [ \"\",\n1,\n\"-a\" ]; };",
        "2: primary.eal_args is \"\"\n3: primary.eal_args is a number");
}

Test(mistakes, one_mistake_is_said_once)
{
    // What follows from a wrong size is not judged by the default size.
    said("max_vifs = 200;\nguests = ( { domid = 1; vifs = ( { device = 0; number = 100; } ); } );",
        "1: max_vifs is 200");
    said("vlan_base = 5000;\nmax_vifs = 128;", "1: vlan_base is 5000");
    said("max_guests = 0;\nworker: { spares = 20; };", "1: max_guests is 0");
    said("guests = ( { domid = -5; }, { domid = 32752; } );", "1: guests.domid is -5\n1: guests.domid is 32752");
    said("guests = ( { domid = 1; vifs = ( { device = 32; }, { device = -1; }, { device = 0; } ); } );",
        "1: guests.vifs.device is 32\n1: guests.vifs.device is -1");
    said("guests = ( { domid = 1; vifs = ( { device = 0; number = 200; vlan = 7; } ); } );",
        "1: guests.vifs.number is 200");
    said("guests = ( { domid = 1; vifs = ( { device = 0; number = 3; vlan = 7; },\n{ device = 1; number = 4; vlan = 7; "
         "} ); } );",
        "1: vlan 7 is given twice: number 4 has it too");
    said("guests = ( 1, 2 );", "1: a guest is a number\n1: a guest is a number");
}

Test(mistakes, more_than_fit_are_counted)
{
    static char text[4096];

    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "x%d = 1;\n", i);
    cr_expect_eq(read_text(text), -EINVAL);
    cr_expect_not_null(strstr(err, ":64: unknown option x63"), "%s", err);
    cr_expect_not_null(strstr(err, "\nand 36 more"), "%s", err + strlen(err) - 100);
}

// ---- numbers

static const struct {
    const char *before, *name, *after;
    long long valid;
} numbers[] = {
    { "", "max_vifs", "", 16 },
    { "", "max_guests", "", 16 },
    { "", "lane_slots", "", 1024 },
    { "", "buffers", "", 2048 },
    { "", "vlan_base", "", 1000 },
    { "primary: { ", "mbufs", " };", 8192 },
    { "primary: { ", "memory_mb", " };", 0 },
    { "primary: { ", "portmask", " };", 1 },
    { "primary: { ", "stats", " };", 10 },
    { "primary: { ", "group_rate", " };", 10000 },
    { "worker: { ", "start_ms", " };", 10000 },
    { "worker: { ", "hang_ms", " };", 2000 },
    { "worker: { ", "spares", " };", 1 },
    { "poll: { ", "busy", " };", 100 },
    { "poll: { ", "yield", " };", 1000 },
    { "poll: { ", "sleep_us", " };", 200 },
    { "guest: { ", "mac_grace", " };", 2 },
    { "guest: { ", "devices", " };", 2 },
    { "guest: { ", "pools", " };", 2 },
    { "guest: { ", "pages", " };", 20000 },
    { "guests = ( { ", "domid", " } );", 1 },
    { "guests = ( { domid = 1; ", "uplink", " } );", 1 },
    { "guests = ( { domid = 1; ", "pools", " } );", 2 },
    { "guests = ( { domid = 1; ", "pages", " } );", 20000 },
    { "guests = ( { domid = 1; vifs = ( { ", "device", " } ); } );", 3 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "number", " } ); } );", 3 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; number = 1; ", "vlan", " } ); } );", 7 },
    { "nic: { ", "mtu", " };", 1500 },
    { "uplinks = ( { number = 0; ", "mtu", " } );", 1500 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "uplink", " } ); } );", 1 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "tx_kbps", " } ); } );", 20 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "tx_fps", " } ); } );", 20 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "rx_kbps", " } ); } );", 20 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "rx_fps", " } ); } );", 20 },
    { "guests = ( { domid = 1; vifs = ( { device = 0; ", "burst_ms", " } ); } );", 20 },
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int number_read(size_t i, const char *value)
{
    char text[1024];

    snprintf(text, sizeof(text), "%s%s = %s;%s", numbers[i].before, numbers[i].name, value, numbers[i].after);
    return read_text(text);
}

Test(mistakes, no_number_is_cut_to_one_that_is_allowed)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        long long past = (1ll << 32) + numbers[i].valid;
        char values[20][40];
        int n = 0;

        snprintf(values[n++], 40, "%lld", past);
        snprintf(values[n++], 40, "%lldL", past);
        snprintf(values[n++], 40, "%lldLL", past);
        snprintf(values[n++], 40, "0x%llx", past);
        snprintf(values[n++], 40, "0x%llxL", past);
        snprintf(values[n++], 40, "-%lld", past);
        snprintf(values[n++], 40, "%lld", numbers[i].valid - (1ll << 32));
        snprintf(values[n++], 40, "1844674407370955161%lld", 6 + numbers[i].valid % 4); // 2^64 and a little
        snprintf(values[n++], 40, "0x1%016llx", numbers[i].valid);
        snprintf(values[n++], 40, "%lld.0", numbers[i].valid);
        snprintf(values[n++], 40, "%llde0", numbers[i].valid);
        snprintf(values[n++], 40, "\"%lld\"", numbers[i].valid);
        snprintf(values[n++], 40, "%lldx", numbers[i].valid);
        strcpy(values[n++], "-1");
        strcpy(values[n++], "2147483648");
        strcpy(values[n++], "9223372036854775808");
        strcpy(values[n++], "-9223372036854775809");
        strcpy(values[n++], "0xffffffffffffffff");
        strcpy(values[n++], "0xffffffffL");
        for (int j = 0; j < n; j++) {
            cr_expect_eq(number_read(i, values[j]), -EINVAL, "%s = %s is accepted", numbers[i].name, values[j]);
            cr_expect_not_null(strstr(err, ".conf:1: "), "%s", err);
        }
        snprintf(values[0], 40, "%lld", numbers[i].valid);
        snprintf(values[1], 40, "0x%llX", numbers[i].valid);
        snprintf(values[2], 40, "+%lldL", numbers[i].valid);
        for (int j = 0; j < 3; j++)
            cr_expect_eq(number_read(i, values[j]), 0, "%s = %s: %s", numbers[i].name, values[j], err);
    }
}

Test(mistakes, a_number_is_said_as_it_is)
{
    said("max_vifs = 4294967312;", "1: max_vifs is 4294967312; allowed: 1 to 128");
    said("max_vifs = 18446744073709551632;", "1: max_vifs is 18446744073709551632; allowed: 1 to 128");
    said("max_vifs = 0x100000010;", "1: max_vifs is 4294967312; allowed: 1 to 128");
    said("max_vifs = 0xffffffffffffffff;", "1: max_vifs is 0xffffffffffffffff; allowed: 1 to 128");
}

Test(mistakes, the_table_of_numbers_is_complete)
{
    char *text, *row, *save;
    size_t n, i;
    FILE *f = open_memstream(&text, &n);

    conf_describe(f);
    fclose(f);
    for (row = strtok_r(text, "\n", &save); row != NULL; row = strtok_r(NULL, "\n", &save)) {
        char path[64] = "", *name;

        if (strstr(row, "| a power of two") == NULL && sscanf(row, "| %*s | %*s | %*i to %63s", path) != 1)
            continue;
        sscanf(row, "| `%63[^`]", path);
        name = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
        for (i = 0; i < NUMBERS && strcmp(numbers[i].name, name) != 0; i++)
            ;
        cr_expect_lt(i, NUMBERS, "%s is not among the numbers of this test", path);
    }
    free(text);
}

// ---- syntax

Test(mistakes, a_bracket_that_is_not_closed_is_named_where_it_begins)
{
    said("max_vifs = 4;\nprimary: {\n  mbufs = 512;\n\n",
        "2: syntax error: primary: the group that begins in line 2 is not closed: } is missing, up to the end");
    said("primary: {\n  mbufs = 512;\n\nmax_vifs = 400;\nfoo = 1;\n",
        "1: syntax error: primary: the group that begins in line 1 is not closed: } is missing, perhaps before "
        "max_vifs in line 4");
    said("guests = (\n{ domid = 1; },\n{ domid = 2; }\n",
        "1: syntax error: guests: the list that begins in line 1 is not closed: ) is missing");
    said("guests = ( { domid = 1;\n  vifs = ( { device = 0; );\n} );\nbuffers = 1;",
        "2: syntax error: } is missing before ): the group that begins in line 2 is not closed\n4: buffers is 1");
    said("primary: { eal_args = [ \"-a\", \"x\"; stats = 2; };\nbuffers = 1;",
        "1: syntax error: ] is missing before stats: the array that begins in line 1 is not closed\n2: buffers is 1");
    said("max_vifs = 4; };\nbuffers = 1;", "1: syntax error: } closes nothing\n2: buffers is 1");
    said("guests = ( { domid = 1; } };\nbuffers = 1;", "1: syntax error: } closes nothing\n2: syntax error: ) is "
                                                       "missing before buffers: the list that begins in line 1\n"
                                                       "2: buffers is 1");
}

Test(mistakes, syntax_errors_say_what_is_missing)
{
    said("max_vifs 16;\nbuffers = ;\nlog_level = info;\nrun_dir \"/x\";",
        "1: syntax error: = is missing behind max_vifs, before 16\n2: syntax error: a value is missing before ;\n"
        "3: syntax error: info is no value; texts are written in \"quotes\"\n4: syntax error: = is missing behind "
        "run_dir");
    said("worker: {\ncpus = \"0-3;\nspares = 100; };",
        "2: syntax error: the string that begins with 0-3 has no closing quote\n"
        "3: worker.spares is 100");
    said("/* no end\nfoo = 1;", "1: syntax error: the comment /* that begins here is not closed");
    said("max_vifs = 12ab;\nbuffers = 0x;\nmax_guests = 1-2;", "1: syntax error: 12ab is no number\n"
                                                               "2: syntax error: 0x is no number\n"
                                                               "3: syntax error: ");
    said("$x = 1;\nfoo = 2;", "1: syntax error: '$' means nothing here\n2: unknown option foo");
    said("buffers =\nmax_vifs = 200;", "2: syntax error: a value is missing before max_vifs\n2: max_vifs is 200");
    said("poll { busy = 1; }", "1: syntax error: = or : is missing between poll and {");
    said("guests = ( { domid = 1; }\n{ domid = 2; } );", "2: syntax error: , is missing before {");
    said("run_dir = \"/a\\x00b\";", "1: syntax error: \\x00 can't be in a string");
}

Test(mistakes, what_libconfig_allows_is_allowed)
{
    cr_expect_eq(read_text("max_vifs = 2 max_guests : 2, # c\nbuffers = 0x100L // d\n/* e\n */ vlan_base = 5;"
                           "primary = { vm2vm = FALSE eal_args = ( \"-\" \"a\",\n\"b\" ) } poll: { }"),
        0, "%s", err);
    cr_expect(conf.max_vifs == 2 && conf.max_guests == 2 && conf.buffers == 256 && conf.vlan_base == 5);
    cr_expect(!conf.primary_vm2vm && conf.n_eal_args == 2);
    cr_expect_str_eq(conf.eal_args[0], "-a");
    cr_expect_eq(read_text("run_dir = \"/a\\\"\\\\\\x41\\t\";"), 0, "%s", err);
    cr_expect_str_eq(conf.run_dir, "/a\"\\A\t");
}

Test(mistakes, includes_are_found_beside_the_file_and_may_not_run_in_circles)
{
    said("\n@include \"none.conf\"\nbuffers = 1;", "2: syntax error: can't include \n3: buffers is 1");
    cr_expect_eq(read_text("@include \"xv.conf\""), -EINVAL);
    cr_expect_not_null(strstr(err, "does it include itself?"), "%s", err);
    said("@include none\n@include \"\"\n", "1: syntax error: @include wants\n2: syntax error: @include wants");
    said("@include \".\"\n", "1: syntax error: can't include ");
}

Test(mistakes, a_file_that_is_no_text_is_said)
{
    cr_expect_eq(read_bytes("max_vifs = 4;\0max_vifs = 5;", 27), -EINVAL);
    cr_expect_not_null(strstr(err, "this is no text"), "%s", err);
    cr_expect_eq(read_bytes("\x7f\x45\x4c\x46\x01\xff", 6), -EINVAL);
    cr_expect_neq(err[0], '\0');
    cr_expect_eq(conf_read(&conf, "/dev/zero", err, sizeof(err)), -EFBIG);
}

// Whatever one byte becomes, reading ends, and what it says fits what it returns.
Test(mistakes, no_byte_does_harm)
{
    static const char bytes[] = "{})];=\"\n\\@";
    static char text[8192], bad[8192];
    FILE *f = fopen(DOCS "/xv.conf.example", "r");
    size_t n = fread(text, 1, sizeof(text), f);

    fclose(f);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i % 5; j < sizeof(bytes) - 1; j += 5) {
            int ret;

            memcpy(bad, text, n);
            bad[i] = bytes[j];
            ret = read_bytes(bad, j % 2 == 0 ? n : i + 1); // and cut there
            cr_assert((ret == 0 && err[0] == '\0') || (ret == -EINVAL && err[0] != '\0'), "%zu '%c': %d %s", i,
                bytes[j], ret, err);
        }
    }
}
