/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "pci.h"

static char root[] = "/tmp/pci.XXXXXX";
static char text[PCI_TEXT_BYTES];

static void run(const char *command)
{
    char line[512];

    snprintf(line, sizeof(line), "cd %s && %s", root, command);
    cr_assert_eq(system(line), 0, "%s", line);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(root));
    run("mkdir -p sys/bus/pci/devices/0000:09:00.0 sys/bus/pci/devices/0000:0a:00.1");
}

static void bind_to(const char *driver)
{
    char command[128];

    snprintf(command, sizeof(command), "ln -sfn ../../../bus/pci/drivers/%s sys/bus/pci/devices/0000:09:00.0/driver",
        driver);
    run(command);
}

static void teardown(void)
{
    run("rm -r sys && rmdir $PWD");
}

TestSuite(pci, .init = setup, .fini = teardown);

Test(pci, a_device_of_the_kernels_is_to_be_bound)
{
    bind_to("igb");
    cr_expect_str_eq(pci_why(root, "0000:09:00.0", text),
        "PCI device 0000:09:00.0 is bound to igb; do: modprobe vfio-pci && dpdk-devbind.py -b vfio-pci 0000:09:00.0");
    cr_expect_not_null(strstr(pci_why(root, "0000:0a:00.1", text), "bound to no driver"));
}

Test(pci, under_xen_it_is_bound_to_uio)
{
    run("mkdir -p sys/hypervisor && touch sys/hypervisor/type");
    bind_to("igb");
    cr_expect_not_null(strstr(pci_why(root, "0000:09:00.0", text), "modprobe uio_pci_generic && "));
}

Test(pci, one_that_is_bound_lacks_nothing)
{
    static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };

    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        bind_to(drivers[i]);
        cr_expect_null(pci_why(root, "0000:09:00.0", text), "%s", drivers[i]);
    }
}

Test(pci, a_device_that_is_not_there_is_said)
{
    cr_expect_str_eq(pci_why(root, "0000:0b:00.0", text), "there is no PCI device 0000:0b:00.0");
}

Test(pci, all_of_dpdks_ways_to_write_an_address)
{
    static const char *const good[] = { "09:00.0", "0000:09:00.0,queues=4", "09:00.0,a=b" };
    static const char *const others[] = { "", "net_tap0", "auxiliary:mlx5_core.sf.1", "09:00", "09:00.0x" };

    bind_to("igb");
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect_not_null(pci_why(root, good[i], text), "%s", good[i]);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_expect_null(pci_why(root, others[i], text), "%s", others[i]);
}

Test(pci, a_device_answers_with_its_vendor)
{
    cr_expect_not(pci_answers(root, "0000:09:00.0"), "no configuration space");
    run("printf '\\206\\200\\311\\020' > sys/bus/pci/devices/0000:09:00.0/config");
    cr_expect(pci_answers(root, "0000:09:00.0"));
    run("printf '\\377\\377\\377\\377' > sys/bus/pci/devices/0000:09:00.0/config");
    cr_expect_not(pci_answers(root, "0000:09:00.0"), "it was pulled out");
    run("printf '\\206' > sys/bus/pci/devices/0000:09:00.0/config");
    cr_expect_not(pci_answers(root, "0000:09:00.0"), "half a word");
    cr_expect_not(pci_answers(root, "net_tap0"), "none of PCI");
}
