/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <criterion/criterion.h>

#include "number.h"

Test(number, a_domid_is_decimal_and_none_of_the_reserved)
{
    static const struct {
        const char *text;
        int ret;
    } cases[] = { { "0", 0 }, { "1", 0 }, { "32751", 0 }, { "00007", 0 }, { "32752", -EINVAL }, { "000007", -EINVAL },
        { "99999", -EINVAL }, { "", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL }, { " 1", -EINVAL },
        { "1 ", -EINVAL }, { "0x1", -EINVAL }, { "4294967297", -EINVAL } };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t domid = 77;

        cr_expect_eq(number_domid(cases[i].text, &domid), cases[i].ret, "\"%s\"", cases[i].text);
        cr_expect_eq(domid == 77, cases[i].ret != 0, "\"%s\"", cases[i].text);
    }
}
