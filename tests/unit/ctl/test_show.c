/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "json.h"
#include "sample.h"
#include "table.h"

static struct show sh;
static struct state *state;
static char *text;

static void set_up(void)
{
    FILE *f;
    size_t n;

    state = sample_state();
    sample_show(&sh);
    show_count(&sh, state);
    f = open_memstream(&text, &n);
    table_print(&sh, f);
    fclose(f);
}

static void tear_down(void)
{
    show_fini(&sh);
    free(state);
    free(text);
}

TestSuite(show, .init = set_up, .fini = tear_down);

#define SAYS(words) cr_expect_not_null(strstr(text, words), "\"%s\" is not in:\n%s", words, text)
#define SAYS_NOT(words) cr_expect_null(strstr(text, words), "\"%s\" is in:\n%s", words, text)

Test(show, processes_are_listed)
{
    SAYS("xv-primary      -    4000        -  running\n");
    SAYS("xv-worker       1    4001        2  running  (web \"\\?\?)\n");
    SAYS("xv-worker       2       -        0  waiting: no worker yet\n");
}

Test(show, a_device_has_its_counters)
{
    SAYS(
        "   3      1      0  00:00:00:00:00:11  1003     3       1000        64000          7            0  running\n");
    SAYS("   4      2      0  00:00:00:00:00:22  1004     -          0            0          0            0  "
         "attaching\n");
}

Test(show, a_device_of_several_queues_says_how_many)
{
    SAYS("     4 queues\n");
}

Test(show, drops_are_named_where_there_are_any)
{
    SAYS("     dropped: tx_spoofed 5, rx_buffer_small 1, wire_rx_wrong_tag 3\n");
    SAYS_NOT("tx_runt");
    SAYS("     0        100          0  1500  dropped: unknown_mac 30\n");
}

Test(show, queues_are_listed_by_the_lcore_that_polls_them)
{
    SAYS("       I/O lcore 0: queues 0 2\n       I/O lcore 1: queues 1 3\n     1 ");
    cr_expect_eq(sh.ports[1].n_queues, 1, "a single one goes without saying");
}

Test(show, a_broken_ring_says_why)
{
    SAYS("transmit ring broken: a descriptor chain");
    SAYS_NOT("receive ring broken");
}

Test(show, a_guests_text_reaches_the_terminal_as_printable_ascii)
{
    SAYS("why: key \"0_ether_addr\" is ?[31m\\??\n");
    SAYS_NOT("\x1b");
}

Test(show, another_generations_counters_are_not_shown)
{
    SAYS_NOT("555");
}

Test(show, a_stopped_device_keeps_what_its_generations_counted)
{
    SAYS("   5      -      0  00:00:00:00:00:33  1005     -          0            0        333            0  stopped\n"
         "     why: its domain, 3, is gone\n     dropped: wire_rx_stopped 44\n");
}

Test(show, an_unknown_fault_does_no_harm)
{
    FILE *f = fopen("/dev/null", "w");

    sh.vifs[0].from.fault = UINT16_MAX;
    table_print(&sh, f);
    json_print(&sh, f);
    fclose(f);
}

Test(show, an_unknown_vif_number_is_not_counted)
{
    sh.vifs[0].said.vif = FABRIC_VIFS_MAX;
    sh.vifs[0].from.frames = 0;
    show_count(&sh, state);
    cr_expect_eq(sh.vifs[0].from.frames, 0);
}

// The manual has these tables, each with the rows of its list and no others, so that it lacks no counter, and explains
// none that isn't there any more.
#define PAGE_HEAD(first, second) "\n| " first " | " second " |\n|---|---|\n"
#define PAGE_ROW(name, word, meaning, ...) "| `" word "` | " meaning " |\n"
static const char *const page_tables[] = {
    PAGE_HEAD("reason", "what happened") VIF_TX_DROPS(PAGE_ROW) VIF_RX_DROPS(PAGE_ROW) VIF_WIRE_DROPS(PAGE_ROW) "\n",
    PAGE_HEAD("reason, of an uplink", "what happened") PORT_DROPS(PAGE_ROW) "\n",
    PAGE_HEAD("in `wire`", "what it counts") VIF_WIRE_COUNTERS(PAGE_ROW) "\n",
    PAGE_HEAD("of an uplink", "what it counts") PORT_COUNTERS(PAGE_ROW) "\n",
};

Test(show, the_manual_has_every_counter_as_its_list_says)
{
    FILE *f = fopen(DOCS "/xvctl.1.md", "r");
    size_t bytes = 0;

    free(text);
    text = NULL;
    cr_assert_gt(getdelim(&text, &bytes, '\0', f), 0);
    fclose(f);
    for (uint32_t i = 0; i < sizeof(page_tables) / sizeof(page_tables[0]); i++)
        cr_expect_not_null(strstr(text, page_tables[i]), "docs/xvctl.1.md lacks this table:\n%s", page_tables[i]);
}

Test(show, an_empty_switch_prints)
{
    struct show empty = { 0 };
    size_t n;
    FILE *f;

    free(text);
    f = open_memstream(&text, &n);
    table_print(&empty, f);
    fclose(f);
    SAYS("xv-primary      -       -        -  not running\n");
    SAYS_NOT("MAC");
    SAYS_NOT("UPLINK"); // nobody knows which there are
    SAYS_NOT("no uplink");
}

static void print_again(void)
{
    size_t n;
    FILE *f;

    free(text);
    f = open_memstream(&text, &n);
    table_print(&sh, f);
    fclose(f);
}

Test(show, what_a_refused_device_has_not_is_a_dash)
{
    SAYS(
        "   -      2      1  -                     -     -          0            0          0            0  refused\n");
}

Test(show, an_uplink_that_is_not_there_has_no_row)
{
    memset(sh.ports, 0, sizeof(sh.ports));
    sh.sw.port = 1;
    sh.vifs[0].said.port = 1; // configured, but the primary has one only
    print_again();
    SAYS("UPLINK");
    SAYS_NOT("\n     1          0");
    sh.sw.port = 0;
    print_again();
    SAYS_NOT("UPLINK");
    SAYS("\nno uplink: guests reach each other only\n");
}

Test(show, frames_that_an_earlier_uplink_counted_are_not_lost)
{
    sh.sw.port = 0;
    print_again();
    SAYS("     0        100          0  1500  dropped: unknown_mac 30  not there any more\n");
    SAYS_NOT("no uplink");
}

Test(show, one_guest_alone_has_its_worker_and_devices_and_no_uplink)
{
    FILE *f;
    size_t n;

    free(text);
    cr_expect(show_keep(&sh, 2));
    f = open_memstream(&text, &n);
    table_print(&sh, f);
    fclose(f);
    SAYS("xv-primary");
    SAYS("xv-worker       2");
    SAYS("00:00:00:00:00:22");
    SAYS_NOT("xv-worker       1");
    SAYS_NOT("00:00:00:00:00:11");
    SAYS_NOT("UPLINK");
    SAYS_NOT("no uplink");
    cr_expect_not(show_keep(&sh, 99));
}
