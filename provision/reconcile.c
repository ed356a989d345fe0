/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "give.h"
#include "log.h"
#include "read.h"
#include "reconcile.h"
#include "xenvirt.h"

// A guest that writes without end makes transactions fail. What it is to be given then waits for the next round.
#define TRIES_MAX 16u
#define DOMIDS 256u // that are told apart in the log's quota

static void say_done(const struct domain_state *d, const struct wish *w, enum todo todo)
{
    static struct log_bucket lines[DOMIDS]; // a guest of DPDK 2.2 can remove what it was given, again and again
    char who[24];

    snprintf(who, sizeof(who), "guest %u", d->domid);
    if (todo == TODO_GIVE)
        log_line(log_next(&lines[d->domid % DOMIDS], who), "guest %u: got " XENVIRT_DIR "%s; its back end is domain %u",
            d->domid, w->compat_2_2 ? " and, for DPDK 2.2, the right to make it" : "", w->backend);
    else if (d->alive)
        LOG(NOTICE, "guest %u: " XENVIRT_DIR " was taken back: the configuration does not allow it", d->domid);
    else
        LOG(INFO, "guest %u: is gone; removed what it left", d->domid);
}

static void say_failed(uint32_t domid, int ret)
{
    static struct log_quota quota;

    if (!log_may(&quota))
        return;
    if (ret == -EACCES || ret == -EPERM)
        LOG(ERR, "guest %u: XenStore refuses: xv-provision runs in domain 0", domid);
    else if (ret == -EAGAIN)
        LOG(WARNING, "guest %u: writes to XenStore all the time; trying again later", domid);
    else
        LOG(ERR, "guest %u: XenStore: %s", domid, strerror(-ret));
}

// What another's write can make of a request inside a transaction: xenstored says EIO where the transaction's own list
// of a directory names a key that was removed outside since, and ENOENT where such a key is asked for.
static int try_again_if_disturbed(int ret)
{
    return ret == -EIO || ret == -ENOENT ? -EAGAIN : ret;
}

// One transaction. Whether the domain lives is asked inside, so that nothing is written for one that died before, nor
// taken from one that was given something since.
static int domain_try(struct xs_handle *xs, const struct conf *c, uint32_t backend, struct domain_state *d)
{
    xs_transaction_t t = xs_transaction_start(xs);
    enum todo todo = TODO_NOTHING;
    struct wish w;
    int ret;

    if (t == XBT_NULL)
        return errno != 0 ? -errno : -EIO;
    ret = domain_read(xs, t, d->domid, backend, d);
    if (ret == 0) {
        w = domain_wish(d, c, backend);
        todo = domain_todo(d, &w);
    }
    if (todo == TODO_GIVE)
        ret = domain_give(xs, t, d, &w);
    else if (todo == TODO_TAKE)
        ret = domain_take(xs, t, d, &w);
    ret = try_again_if_disturbed(ret);
    errno = 0;
    if (!xs_transaction_end(xs, t, ret < 0 || todo == TODO_NOTHING) && ret == 0)
        ret = errno != 0 ? -errno : -EIO;
    if (ret == 0 && todo != TODO_NOTHING)
        say_done(d, &w, todo);
    return ret;
}

// What a living guest isn't allowed it can't keep by writing without end. Half of it taken is no harm: the next round
// takes the rest.
static int domain_take_anyway(struct xs_handle *xs, const struct conf *c, uint32_t backend, struct domain_state *d)
{
    int ret = domain_read(xs, XBT_NULL, d->domid, backend, d);
    struct wish w = domain_wish(d, c, backend);

    if (ret < 0 || !d->alive || domain_todo(d, &w) != TODO_TAKE)
        return ret < 0 ? ret : -EAGAIN;
    ret = domain_take(xs, XBT_NULL, d, &w);
    if (ret == 0)
        say_done(d, &w, TODO_TAKE);
    return ret;
}

static enum reconciled domain_is(const struct domain_state *d, const struct wish *w)
{
    if (!d->alive)
        return RECONCILED_GONE;
    if (!w->allow || d->domid == w->backend)
        return RECONCILED_REFUSED;
    return w->backend == DOMID_NONE || d->control.n == 0 ? RECONCILED_WAITS : RECONCILED_GIVEN;
}

enum reconciled domain_reconcile(struct xs_handle *xs, const struct conf *c, uint32_t backend, uint32_t domid)
{
    struct domain_state d;
    struct wish w;
    int ret = domain_read(xs, XBT_NULL, domid, backend, &d);

    if (ret == 0) {
        w = domain_wish(&d, c, backend);
        if (domain_todo(&d, &w) != TODO_NOTHING)
            ret = -EAGAIN;
    }
    for (unsigned i = 0; i < TRIES_MAX && ret == -EAGAIN; i++)
        ret = domain_try(xs, c, backend, &d);
    if (ret == -EAGAIN)
        ret = domain_take_anyway(xs, c, backend, &d);
    if (ret < 0) {
        say_failed(domid, ret);
        return RECONCILED_FAILED;
    }
    w = domain_wish(&d, c, backend);
    return domain_is(&d, &w);
}
