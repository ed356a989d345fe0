/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "flag.h"

static struct xenvirt_flag_page page;

Test(flag, an_old_front_end_says_only_up)
{
    page.up = 1;
    page.front.generation = 5; // rubbish without the magic
    cr_expect(flag_read(&page).up);
    cr_expect(!flag_read(&page).front);
    cr_expect_eq(flag_read(&page).generation, 0);
    page.up = 0;
    cr_expect(!flag_read(&page).up);
}

Test(flag, a_new_one_says_what_it_wants)
{
    page = (struct xenvirt_flag_page){ .up = 0xa5,
        .front = { .magic = XENVIRT_FRONT_MAGIC, .generation = 9, .wanted = XENVIRT_WANT_RUN } };
    cr_expect(flag_read(&page).front);
    cr_expect(flag_read(&page).run);
    cr_expect_eq(flag_read(&page).generation, 9);
    page.front.wanted = XENVIRT_WANT_STOP;
    cr_expect(!flag_read(&page).run);
}

Test(flag, only_the_back_line_is_written)
{
    page = (struct xenvirt_flag_page){ 0 };
    flag_tell(&page, 3, XENVIRT_BACK_REFUSED, XENVIRT_REFUSED_MAC_BAD);
    flag_tell_link(&page, true, 10000);
    flag_tell_mtu(&page, 1500);
    cr_expect_eq(page.back.magic, XENVIRT_BACK_MAGIC);
    cr_expect_eq(page.back.generation, 3);
    cr_expect_eq(page.back.state, XENVIRT_BACK_REFUSED);
    cr_expect_eq(page.back.reason, XENVIRT_REFUSED_MAC_BAD);
    cr_expect_eq(page.back.link, 1);
    cr_expect_eq(page.back.speed, 10000);
    cr_expect_eq(page.back.mtu, 1500);
    page.back = (struct xenvirt_back){ 0 };
    for (unsigned i = 0; i < sizeof(page); i++)
        cr_expect_eq(((unsigned char *)&page)[i], 0);
}
