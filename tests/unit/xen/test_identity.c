/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "identity.h"

#define UUID "01234567-89ab-cdef-0123-456789ABCDEF"

static const char *vm, *name;
static int error; // of every request

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    const char *value = strcmp(path, "/local/domain/7/vm") == 0     ? vm
                        : strcmp(path, "/local/domain/7/name") == 0 ? name
                                                                    : NULL;

    (void)h;
    (void)t;
    errno = error != 0 ? error : ENOENT;
    if (value == NULL || error != 0)
        return NULL;
    *len = (unsigned)strlen(value);
    return strdup(value);
}

Test(identity, uuid_is_the_rest_of_vm)
{
    static const struct {
        const char *vm, *uuid;
    } cases[] = { { "/vm/" UUID, UUID }, { "", "" }, { UUID, "" }, { "/vm/", "" }, { "/vm/" UUID "0", "" },
        { "/vm/" UUID "-1", "" }, { "/vm/0123456789abcdef", "" }, { "/vm/g1234567-89ab-cdef-0123-456789ABCDEF", "" },
        { "/vM/" UUID, "" } };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char uuid[40] = "other";

        identity_uuid(cases[i].vm, uuid);
        cr_expect_str_eq(uuid, cases[i].uuid, "\"%s\"", cases[i].vm);
    }
}

Test(identity, what_is_not_there_is_empty)
{
    char uuid[40] = "other", who[64] = "other";

    cr_expect_eq(identity_read(NULL, XBT_NULL, 7, uuid, who), 0);
    cr_expect_str_empty(uuid);
    cr_expect_str_empty(who);
    vm = "/vm/" UUID;
    name = "mail";
    cr_expect_eq(identity_read(NULL, XBT_NULL, 7, uuid, who), 0);
    cr_expect_str_eq(uuid, UUID);
    cr_expect_str_eq(who, "mail");
}

Test(identity, a_name_has_63_characters_at_most)
{
    char uuid[40], who[64];

    name = "012345678901234567890123456789012345678901234567890123456789012";
    cr_expect_eq(identity_read(NULL, XBT_NULL, 7, uuid, who), 0);
    cr_expect_str_eq(who, name);
    name = "0123456789012345678901234567890123456789012345678901234567890123";
    cr_expect_eq(identity_read(NULL, XBT_NULL, 7, uuid, who), 0);
    cr_expect_str_empty(who);
}

Test(identity, a_request_that_fails_is_an_error)
{
    char uuid[40], who[64];

    error = EAGAIN;
    cr_expect_eq(identity_read(NULL, XBT_NULL, 7, uuid, who), -EAGAIN);
    cr_expect_str_empty(uuid);
}
