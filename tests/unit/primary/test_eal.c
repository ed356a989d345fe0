/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "eal.h"

static struct eal eal;
static struct conf conf;
static struct options o;
static char err[256];

static int plan(const char *args)
{
    static char line[512];

    o = (struct options){ 0 };
    snprintf(line, sizeof(line), "%s", args);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        o.eal[o.n_eal++] = word;
    err[0] = '\0';
    return eal_plan(&eal, "xv-primary", &o, &conf, err, sizeof(err));
}

static bool has(const char *word)
{
    for (uint32_t i = 1; i < eal.n_words; i++) {
        if (strcmp(eal.words[i], word) == 0)
            return true;
    }
    return false;
}

static uint32_t count(const char *start)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < eal.n_words; i++)
        n += strncmp(eal.words[i], start, strlen(start)) == 0;
    return n;
}

static void setup(void)
{
    char text[256];

    cr_assert_eq(conf_read(&conf, "/dev/null", text, sizeof(text)), 0, "%s", text);
}

TestSuite(eal, .init = setup);

Test(eal, plain_start_touches_no_pci_device_and_takes_all_memory_at_once)
{
    cr_assert_eq(plan("-c 0x3"), 0);
    cr_assert(has("--no-pci") && has("--legacy-mem") && has("--iova-mode=va") && has("--proc-type=primary"));
    cr_assert(has("--file-prefix=xv"));
    cr_assert_eq(count("-m"), 1);
    cr_assert_eq(eal.n_lcores, 2);
}

Test(eal, a_named_pci_device_is_looked_for)
{
    cr_assert_eq(plan("-c 3 -a 0000:03:00.0"), 0);
    cr_assert(!has("--no-pci") && !has("--iova-mode=va"));
    cr_assert_eq(plan("-c 3 --allow=0000:03:00.0"), 0);
    cr_assert_not(has("--no-pci"));
}

Test(eal, the_configuration_names_devices_too_with_a_blank)
{
    conf.n_eal_args = 1;
    strcpy(conf.eal_args[0], "-a 0000:03:00.0");
    cr_assert_eq(plan("-c 3"), 0);
    cr_assert(has("-a") && has("0000:03:00.0") && !has("--no-pci"));
}

Test(eal, what_the_user_says_is_not_said_again)
{
    cr_assert_eq(plan("-c 3 --file-prefix=mine -m 64 --huge-dir /h --no-pci --legacy-mem"), 0);
    cr_assert_eq(count("--file-prefix"), 1);
    cr_assert_eq(count("-m"), 1);
    cr_assert_eq(count("--no-pci"), 1);
    cr_assert_eq(count("--legacy-mem"), 1);
    cr_assert_str_eq(eal.file_prefix, "mine");
    cr_assert_str_eq(eal.huge_dir, "/h");
    cr_assert_eq(eal.megabytes, 64);
}

Test(eal, memory_of_several_nodes_is_added_up)
{
    cr_assert_eq(plan("-c 3 --socket-mem 64,0,32"), 0);
    cr_assert_eq(eal.megabytes, 96);
    cr_assert(eal.by_node);
    cr_assert_eq(count("-m"), 0);
    cr_assert_eq(plan("-c 3 --socket-mem=128"), 0);
    cr_assert_eq(eal.megabytes, 128);
    cr_assert_eq(plan("-c 3"), 0);
    cr_assert_not(eal.by_node);
}

Test(eal, lcores_of_the_workers_are_refused)
{
    static const struct {
        const char *args;
        int ret;
    } rows[] = {
        { "-c 0xffffffff", 0 },
        { "-c 0x100000000", -EINVAL },
        { "-c fffffffffffffffffffff", -EINVAL },
        { "-c100000000", -EINVAL },
        { "-l 0-31", 0 },
        { "-l 0,32", -EINVAL },
        { "-l 30-33", -EINVAL },
        { "-l 0,127", -EINVAL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(plan(rows[i].args), rows[i].ret, "%s", rows[i].args);
    }
}

Test(eal, memory_grows_with_ports_and_lcores)
{
    uint64_t none, one;

    plan("-c 1");
    none = eal.megabytes;
    plan("-c 1 --vdev=net_null0");
    one = eal.megabytes;
    cr_assert_gt(one, none);
    plan("-c 7");
    cr_assert_gt(eal.megabytes, none);
    cr_assert_eq(eal.megabytes % 2, 0);
}

Test(eal, devices_that_are_allowed_are_found_however_they_are_written)
{
    plan("-c 1 -a 0000:09:00.0 --vdev=net_null0 -a0000:0a:00.0 --allow=0b:00.0,x=1 --allow 0c:00.0");
    cr_expect_str_eq(eal_pci(&eal, 0), "0000:09:00.0");
    cr_expect_str_eq(eal_pci(&eal, 1), "0000:0a:00.0");
    cr_expect_str_eq(eal_pci(&eal, 2), "0b:00.0,x=1");
    cr_expect_str_eq(eal_pci(&eal, 3), "0c:00.0");
    cr_expect_null(eal_pci(&eal, 4));
}

Test(eal, io_lcores_are_all_but_the_first)
{
    cr_assert_eq(eal_io_lcores(1), 1);
    cr_assert_eq(eal_io_lcores(2), 1);
    cr_assert_eq(eal_io_lcores(3), 2);
    cr_assert_eq(eal_io_lcores(32), FABRIC_IO_MAX);
    cr_assert_eq(eal_io_lcores(0), FABRIC_IO_MAX);
}

Test(eal, too_many_arguments_are_refused)
{
    conf.n_eal_args = CONF_EAL_ARGS_MAX;
    for (uint32_t i = 0; i < CONF_EAL_ARGS_MAX; i++)
        strcpy(conf.eal_args[i], "-a b c d e f g h");
    cr_assert_eq(plan("-c 3"), -EINVAL);
}
