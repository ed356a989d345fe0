/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eal_plan.h"
#include "lcores.h"

static struct eal_args eal;
static struct conf conf;
static struct options o;
static char err[2048];

static char root[] = "/tmp/xv-eal-XXXXXX"; // of a machine with CPUs 0 to 39

static int plan(const char *args)
{
    static char line[512];
    char *argv[64] = { (char *)"xv-primary" };
    int argc = 1;

    snprintf(line, sizeof(line), "%s", args);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    err[0] = '\0';
    if (options_parse(&o, argc, argv, err, sizeof(err)) < 0)
        return -EINVAL;
    return eal_plan(&eal, root, "xv-primary", &o, &conf, err, sizeof(err));
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
    cr_assert_not_null(mkdtemp(root));
    snprintf(
        text, sizeof(text), "seq -f %s/sys/devices/system/cpu/cpu%%g/topology/core_id 0 39 | xargs mkdir -p", root);
    cr_assert_eq(system(text), 0);
}

static void teardown(void)
{
    char text[64];

    snprintf(text, sizeof(text), "rm -r %s", root);
    cr_assert_eq(system(text), 0);
}

TestSuite(eal_plan, .init = setup, .fini = teardown);

Test(eal_plan, plain_start_touches_no_pci_device_and_takes_all_memory_at_once)
{
    cr_assert_eq(plan("-c 0x3"), 0);
    cr_assert(has("--no-pci") && has("--legacy-mem") && has("--iova-mode=va") && has("--proc-type=primary"));
    cr_assert(has("--file-prefix=xv"));
    cr_assert_eq(count("-m"), 1);
    cr_assert_eq(eal.n_lcores, 2);
}

Test(eal_plan, a_named_pci_device_is_looked_for)
{
    cr_assert_eq(plan("-c 3 -a 0000:03:00.0"), 0);
    cr_assert(!has("--no-pci") && !has("--iova-mode=va"));
    cr_assert_eq(plan("-c 3 --allow=0000:03:00.0"), 0);
    cr_assert_not(has("--no-pci"));
}

Test(eal_plan, the_configuration_names_devices_too_with_a_blank)
{
    conf.n_eal_args = 1;
    strcpy(conf.eal_args[0], "-a 0000:03:00.0");
    cr_assert_eq(plan("-c 3"), 0);
    cr_assert(has("-a") && has("0000:03:00.0") && !has("--no-pci"));
}

Test(eal_plan, what_the_user_says_is_not_said_again)
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

Test(eal_plan, memory_of_several_nodes_is_added_up)
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

Test(eal_plan, lcores_of_the_workers_are_refused)
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

Test(eal_plan, memory_grows_with_ports_and_lcores)
{
    uint64_t none, fabric;

    plan("-c 1");
    none = eal.megabytes;
    fabric = eal.fabric_mb;
    plan("-c 1 --vdev=net_null0");
    cr_assert_gt(eal.megabytes, none);
    cr_assert_eq(eal.fabric_mb, fabric);
    plan("-c 7");
    cr_assert_gt(eal.fabric_mb, fabric);
    cr_assert_eq((eal.megabytes + eal.fabric_mb) % 2, 0);
}

Test(eal_plan, devices_that_are_allowed_are_found_however_they_are_written)
{
    plan("-c 1 -a 0000:09:00.0 --vdev=net_null0 -a0000:0a:00.0 --allow=0b:00.0,x=1 --allow 0c:00.0");
    cr_expect_str_eq(eal_args_pci(&eal, 0), "0000:09:00.0");
    cr_expect_str_eq(eal_args_pci(&eal, 1), "0000:0a:00.0");
    cr_expect_str_eq(eal_args_pci(&eal, 2), "0b:00.0,x=1");
    cr_expect_str_eq(eal_args_pci(&eal, 3), "0c:00.0");
    cr_expect_null(eal_args_pci(&eal, 4));
}

Test(eal_plan, io_lcores_are_all_but_the_first)
{
    cr_assert_eq(lcores_io(1), 1);
    cr_assert_eq(lcores_io(2), 1);
    cr_assert_eq(lcores_io(3), 2);
    cr_assert_eq(lcores_io(32), FABRIC_IO_MAX);
    cr_assert_eq(lcores_io(0), FABRIC_IO_MAX);
}

Test(eal_plan, too_many_arguments_are_refused)
{
    conf.n_eal_args = CONF_EAL_ARGS_MAX;
    for (uint32_t i = 0; i < CONF_EAL_ARGS_MAX; i++)
        strcpy(conf.eal_args[i], "-a b c d e f g h");
    cr_assert_eq(plan("-c 3"), -EINVAL);
}

static void wrong(const char *args, const char *says)
{
    cr_expect_eq(plan(args), -EINVAL, "accepted: %s", args);
    cr_expect_not_null(strstr(err, says), "%s: '%s' does not say '%s'", args, err, says);
}

Test(eal_plan, lcores_that_there_are_not_are_refused)
{
    wrong("-c zz", "-c zz: not a hexadecimal mask of CPUs");
    wrong("-c 0", "-c 0: not a hexadecimal mask");
    wrong("-c 0x", "not a hexadecimal mask");
    wrong("-l 0-", "-l 0-: not a list of CPUs");
    wrong("-l 3-1", "not a list of CPUs");
    wrong("-l x", "not a list of CPUs");
    wrong("-l 4294967296", "not a list of CPUs");
    wrong("-l 18446744073709551617", "not a list of CPUs");
    wrong("--lcores 0@", "--lcores 0@: not a list of lcores with their CPUs");
    wrong("--lcores (0,1@0", "not a list of lcores");
    wrong("--lcores 0@40", "this machine has no CPU 40");
    wrong("--lcores 32@0", "lcores from 32 on belong to the workers");
    wrong("--lcores 0@(38-41)", "no CPU 40");
    wrong("-c 3 -l 0-1", "-c, -l and --lcores exclude each other");
    cr_expect_eq(plan("--lcores (0,1)@0"), 0, "%s", err);
    cr_expect_eq(eal.n_lcores, 2);
    cr_expect_eq(plan("--lcores 0@39,1@(1-3),(2-4)@5"), 0, "%s", err);
    cr_expect_eq(eal.n_lcores, 5);
    cr_expect_eq(plan("--lcores 0-2"), 0, "%s", err);
    cr_expect_eq(eal.n_lcores, 3);
}

Test(eal_plan, values_are_judged_before_eal_starts)
{
    wrong("-n 0", "-n: '0' is not what it takes: memory channels");
    wrong("-nx", "memory channels");
    wrong("-n 4294967297", "memory channels");
    wrong("-m 0", "MB of memory");
    wrong("-m 64x", "MB of memory");
    wrong("-m 4294967360", "MB of memory");
    wrong("--socket-mem 64,x", "MB for each NUMA node");
    wrong("--socket-mem 18446744073709551680", "MB for each NUMA node");
    wrong("-r 17", "memory ranks");
    wrong("--proc-type secondary", "primary");
    wrong("--iova-mode xa", "pa or va");
    wrong("--huge-dir here", "an absolute path");
    wrong("--file-prefix a/b", "a name without /");
    wrong("--vfio-intr x", "legacy, msi or msix");
    wrong("-a ,x=1", "a device");
    wrong("-m 64 --socket-mem 64", "-m and --socket-mem exclude each other");
    wrong("-a 3:0.0 -b 4:0.0", "-a and -b exclude each other");
    cr_expect_eq(plan("-c 0xf -n 4 --socket-mem 512 --huge-dir /mnt --vdev=net_null0"), 0, "%s", err);
}

Test(eal_plan, all_that_is_wrong_is_said)
{
    strcpy(conf.eal_args[0], "--bogus");
    strcpy(conf.eal_args[1], "-m");
    strcpy(conf.eal_args[2], "none");
    strcpy(conf.eal_args[3], "stray");
    conf.n_eal_args = 4;
    cr_assert_eq(plan("-c zz -n 0"), -EINVAL);
    cr_expect_str_eq(err, "primary.eal_args: unknown option '--bogus'\n"
                          "primary.eal_args: 'stray' belongs to no option\n"
                          "-m: 'none' is not what it takes: MB of memory, 1 to 1048576\n"
                          "-n: '0' is not what it takes: memory channels, 1 to 64\n"
                          "-c zz: not a hexadecimal mask of CPUs, as 0x3");
}

Test(eal_plan, words_of_the_configuration_are_taken_as_those_of_the_command_line)
{
    strcpy(conf.eal_args[0], "--xen-dom0");
    strcpy(conf.eal_args[1], "-a");
    strcpy(conf.eal_args[2], "0000:03:00.0");
    strcpy(conf.eal_args[3], "--file-p mine");
    conf.n_eal_args = 4;
    cr_assert_eq(plan("-c 1"), 0, "%s", err);
    cr_expect_str_eq(eal_args_pci(&eal, 0), "0000:03:00.0");
    cr_expect_str_eq(eal.file_prefix, "mine");
    cr_expect_not_null(strstr(eal.given.notes, "--xen-dom0 is left out"));
    cr_expect(!has("--xen-dom0"));
}

Test(eal_plan, a_value_is_taken_for_no_option)
{
    cr_assert_eq(plan("-c 1 --vdev --no-huge"), 0, "%s", err);
    cr_expect(!eal.no_huge);
}

Test(eal_plan, slots_of_af_packet_have_room_for_every_frame_and_so_have_mbufs)
{
    uint64_t plain;

    plan("-c 1 --vdev=net_tap0");
    plain = eal.megabytes;
    cr_assert_eq(plan("-c 1 --vdev=net_af_packet0,iface=e,framesz=2048"), 0);
    cr_assert(has("--vdev=net_af_packet0,iface=e,framesz=4096"));
    cr_assert_eq(count("--vdev"), 1);
    cr_assert_gt(eal.megabytes, plain);
    plan("-c 1 --vdev net_af_packet0,iface=e --vdev net_tap0");
    cr_assert_str_eq(eal.words[4], "net_af_packet0,iface=e,framesz=4096");
    cr_assert_str_eq(eal.words[6], "net_tap0");
}
