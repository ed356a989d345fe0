/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "xen.h"

static struct guest guest;
static struct offer offer;

// Follow the list as the switch does; returns the pages found.
static uint32_t list_walk(const char *text)
{
    char *copy = strdup(text), *save, *ref;
    uint32_t n = 0;

    for (ref = strtok_r(copy, ",", &save); ref != NULL; ref = strtok_r(NULL, ",", &save)) {
        const struct xenvirt_pair *p = xen_page(atoi(ref));

        cr_assert_not_null(p);
        for (uint32_t i = 0; i < 512 && (int32_t)p[i].gref > 0; i++)
            cr_assert_eq(xen_page(p[i].gref), (char *)offer.data.va + 4096ul * n++);
    }
    free(copy);
    return n;
}

Test(grant, list_names_every_page_in_order)
{
    static const struct {
        uint32_t pages, lists;
    } cases[] = { { 1, 1 }, { 511, 1 }, { 512, 1 }, { 513, 2 }, { 1024, 2 }, { 1025, 3 } };
    char text[OFFER_TEXT_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(offer_open(&offer, &guest, cases[i].pages), 0);
        cr_expect_eq(offer.list.pages, cases[i].lists);
        offer_text(&offer, text);
        cr_expect_eq(list_walk(text), cases[i].pages);
        offer_close(&offer, &guest);
        cr_assert_eq(xen_pages(), 0);
    }
}

Test(grant, most_pages_fill_64_lists)
{
    char text[OFFER_TEXT_MAX];

    cr_assert_eq(offer_open(&offer, &guest, 32768), 0);
    cr_assert_eq(offer.list.pages, 64);
    offer_text(&offer, text);
    cr_assert_eq(list_walk(text), 32768);
    offer_close(&offer, &guest);
}

Test(grant, one_page_more_is_refused)
{
    cr_assert_eq(offer_open(&offer, &guest, 32769), -EFBIG);
    cr_assert_eq(xen_pages(), 0);
}

Test(grant, longest_list_fits_its_text)
{
    uint32_t refs[64];
    char text[OFFER_TEXT_MAX];

    memset(refs, 0x7f, sizeof(refs));
    for (int i = 0; i < 64; i++)
        refs[i] = INT32_MAX;
    offer.list = (struct grant){ .refs = refs, .pages = 64 };
    offer_text(&offer, text);
    cr_assert_eq(strlen(text), 64 * 10 + 63);
}

Test(grant, without_room_nothing_is_shared)
{
    xen_pages_limit(513);
    cr_assert_eq(offer_open(&offer, &guest, 514), -ENOSPC);
    // The pages themselves fit, their lists don't.
    cr_assert_eq(offer_open(&offer, &guest, 513), -ENOSPC);
    cr_assert_eq(xen_pages(), 0);
}
