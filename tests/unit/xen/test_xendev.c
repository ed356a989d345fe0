/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "xendev.h"

static char root[] = "/tmp/xendev.XXXXXX";
static char text[XENDEV_TEXT_BYTES];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(root));
}

// Make a file below root with its directories.
static void put(const char *path, const char *value)
{
    char full[256];
    FILE *f;

    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    f = fopen(full, "w");
    cr_assert_not_null(f);
    fputs(value, f);
    fclose(f);
}

static void teardown(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_expect_eq(system(command), 0);
}

TestSuite(xendev, .init = setup, .fini = teardown);

Test(xendev, without_xen_it_says_so)
{
    cr_expect_not_null(strstr(xendev_why(root, "gntdev", ENOENT, text), "no domain of Xen"));
}

Test(xendev, a_missing_module_is_named)
{
    put("/sys/hypervisor/type", "xen\n");
    cr_expect_str_eq(xendev_why(root, "gntdev", ENOENT, text), "there is no /dev/xen/gntdev: modprobe xen_gntdev");
}

Test(xendev, a_missing_xenstored_is_named)
{
    put("/sys/hypervisor/type", "xen\n");
    cr_expect_not_null(strstr(xendev_why(root, "xenbus", ENOENT, text), "start xenstored"));
}

Test(xendev, a_missing_right_is_named)
{
    put("/dev/xen/gntdev", "");
    cr_expect_not_null(strstr(xendev_why(root, "gntdev", EACCES, text), "as root"));
}

Test(xendev, any_other_error_is_the_kernels_own)
{
    put("/dev/xen/gntdev", "");
    cr_expect_str_eq(xendev_why(root, "gntdev", ENOMEM, text), strerror(ENOMEM));
}
