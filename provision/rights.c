/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <string.h>

#include "rights.h"

#define BOTH (XS_PERM_READ | XS_PERM_WRITE)

static struct rights rights_of_two(uint32_t owner, uint32_t other, unsigned bits)
{
    return (struct rights){ .n = 2, .of = { { .id = owner, .perms = XS_PERM_NONE }, { .id = other, .perms = bits } } };
}

// The keys are the guest's; what it makes below inherits the back end's right to read.
struct rights rights_of_dpdk(uint32_t guest, uint32_t backend)
{
    return rights_of_two(guest, backend, XS_PERM_READ);
}

// It belongs to the back end's domain so that xenstored removes it when that dies: a guest then learns no dead domain's
// number, and a missing node says that all rights of the dead one are void, also if another domain has its number.
struct rights rights_of_backend(uint32_t guest, uint32_t backend)
{
    return rights_of_two(backend, guest, XS_PERM_READ);
}

// Creating control/dpdk takes the right to write control, and the new node inherits control's rights.
struct rights rights_of_control(uint32_t guest, uint32_t backend, bool compat_2_2)
{
    struct rights r = rights_of_two(0, guest, compat_2_2 ? BOTH : XS_PERM_READ);

    if (compat_2_2)
        r.of[r.n++] = (struct xs_permissions){ .id = backend, .perms = XS_PERM_READ };
    return r;
}

struct rights rights_of_watch(uint32_t backend)
{
    return rights_of_two(0, backend, XS_PERM_READ);
}

uint32_t rights_owner(const struct rights *r)
{
    return r->of[0].id;
}

bool rights_same(const struct rights *a, const struct rights *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->of[i].id != b->of[i].id || (a->of[i].perms & BOTH) != (b->of[i].perms & BOTH))
            return false;
    }
    return true;
}

// The index of domid's own entry, the owner's apart; 0: none.
static uint32_t rights_entry(const struct rights *r, uint32_t domid)
{
    for (uint32_t i = 1; i < r->n; i++) {
        if (r->of[i].id == domid)
            return i;
    }
    return 0;
}

bool rights_give(const struct rights *r, uint32_t domid, unsigned bits)
{
    uint32_t i = rights_entry(r, domid);

    return i > 0 && (r->of[i].perms & bits) == bits;
}

bool rights_let_read(const struct rights *r, uint32_t domid)
{
    uint32_t i = rights_entry(r, domid);

    return r->n > 0 && (r->of[0].id == domid || (r->of[i].perms & XS_PERM_READ) != 0);
}

void rights_add_reader(struct rights *r, uint32_t domid)
{
    uint32_t i = rights_entry(r, domid);

    assert(r->n < RIGHTS_MAX);
    if (i > 0)
        r->of[i].perms |= XS_PERM_READ;
    else
        r->of[r->n++] = (struct xs_permissions){ .id = domid, .perms = XS_PERM_READ };
}

void rights_drop(struct rights *r, uint32_t domid)
{
    uint32_t i = rights_entry(r, domid);

    if (i == 0)
        return;
    r->n--;
    memmove(&r->of[i], &r->of[i + 1], (r->n - i) * sizeof(r->of[0]));
}
