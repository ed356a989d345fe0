/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

#include "clock.h"
#include "flag.h"
#include "grant.h"
#include "log.h"

// Without a sign of a back end a stop waits this long only: one that is just attaching shows up in this time or sees
// `wanted` before it touches anything.
#define NO_BACK_END_MS 50
#define POLL_US 200

static const char *const refusals[] = {
#define REFUSAL_TEXT(name, text) text,
    XENVIRT_REFUSALS(REFUSAL_TEXT)
};

int flag_open(struct flag *f, struct guest *g)
{
    int ret;

    f->page = xengntshr_share_page_notify(
        g->gntshr, g->backend, &f->ref, 1, offsetof(struct xenvirt_flag_page, up), -1);
    if (f->page != NULL) {
        __atomic_fetch_add(&g->granted, 1, __ATOMIC_RELAXED);
        return 0;
    }
    ret = errno != 0 ? -errno : -EIO;
    grant_complain(g, 1, -ret);
    return ret;
}

void flag_close(struct flag *f, struct guest *g)
{
    f->page->up = 0;
    xengntshr_unshare(g->gntshr, f->page, 1);
    __atomic_fetch_sub(&g->granted, 1, __ATOMIC_RELAXED);
    f->page = NULL;
}

void flag_mac_wish(struct flag *f, const uint8_t mac[6])
{
    struct xenvirt_front *front = &f->page->front;

    __atomic_store_n(&front->mac_number, 0, __ATOMIC_RELAXED);
    // Release: who reads a byte of the new address reads no old number after it.
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (unsigned i = 0; i < sizeof(front->mac); i++)
        __atomic_store_n(&front->mac[i], mac[i], __ATOMIC_RELAXED);
    if (++f->mac_number == XENVIRT_MAC_NONE_YET)
        f->mac_number = 1;
    // Release: pairs with the back end's acquire; the address is whole.
    __atomic_store_n(&front->mac_number, f->mac_number, __ATOMIC_RELEASE);
}

void flag_start(struct flag *f, const uint8_t mac[6])
{
    struct xenvirt_front *front = &f->page->front;

    f->generation++;
    __atomic_store_n(&front->magic, XENVIRT_FRONT_MAGIC, __ATOMIC_RELAXED);
    __atomic_store_n(&front->generation, f->generation, __ATOMIC_RELAXED);
    flag_mac_wish(f, mac);
    __atomic_store_n(&f->page->up, XENVIRT_FLAG_UP, __ATOMIC_RELAXED);
    // Release: pairs with the back end's acquire of `wanted`; rings and generation are ready.
    __atomic_store_n(&front->wanted, XENVIRT_WANT_RUN, __ATOMIC_RELEASE);
}

void flag_stop(struct flag *f)
{
    __atomic_store_n(&f->page->front.wanted, XENVIRT_WANT_STOP, __ATOMIC_RELEASE);
}

// The state that the back end reports for our generation, XENVIRT_BACK_NONE if it speaks of another.
static uint32_t flag_state(const struct flag *f)
{
    const struct xenvirt_back *back = &f->page->back;

    if (__atomic_load_n(&back->magic, __ATOMIC_RELAXED) != XENVIRT_BACK_MAGIC)
        return XENVIRT_BACK_NONE;
    // Acquire: pairs with the back end's release of its generation; all it did with our memory is done.
    if (__atomic_load_n(&back->generation, __ATOMIC_ACQUIRE) != f->generation)
        return XENVIRT_BACK_NONE;
    return __atomic_load_n(&back->state, __ATOMIC_ACQUIRE);
}

static bool flag_back_end(const struct flag *f)
{
    return __atomic_load_n(&f->page->back.magic, __ATOMIC_RELAXED) == XENVIRT_BACK_MAGIC;
}

bool flag_wait(const struct flag *f)
{
    const struct timespec nap = { .tv_nsec = POLL_US * 1000 };

    for (uint32_t us = 0; us < XENVIRT_STOP_MS * 1000; us += POLL_US) {
        uint32_t state = flag_state(f);

        if (state == XENVIRT_BACK_DETACHED || state == XENVIRT_BACK_REFUSED)
            return true;
        if (us >= NO_BACK_END_MS * 1000 && !flag_back_end(f))
            return true;
        nanosleep(&nap, NULL);
    }
    return false;
}

static int mac_verdict(uint32_t verdict)
{
    switch (verdict) {
    case XENVIRT_REFUSED_NONE:
        return 0;
    case XENVIRT_REFUSED_MAC_IN_USE:
        return -EADDRINUSE;
    case XENVIRT_REFUSED_NOT_ALLOWED:
    case XENVIRT_REFUSED_MAC_DENIED:
        return -EPERM;
    case XENVIRT_REFUSED_MAC_BAD:
        return -EINVAL;
    default:
        return -EIO;
    }
}

int flag_mac_wait(const struct flag *f)
{
    const struct timespec nap = { .tv_nsec = POLL_US * 1000 };
    const struct xenvirt_back *back = &f->page->back;
    uint64_t end = clock_ns() + XENVIRT_MAC_MS * CLOCK_MS;

    do {
        bool attached = flag_state(f) == XENVIRT_BACK_ATTACHED;
        // Acquire: pairs with the back end's release; the verdict is on this wish.
        uint32_t number = __atomic_load_n(&back->mac_number, __ATOMIC_ACQUIRE);

        if (number == f->mac_number)
            return mac_verdict(__atomic_load_n(&back->mac_verdict, __ATOMIC_RELAXED));
        if (attached && number == 0)
            return -EBUSY;
        nanosleep(&nap, NULL);
    } while (clock_ns() < end);
    return -ETIMEDOUT;
}

bool flag_link(const struct flag *f, uint32_t *speed)
{
    *speed = __atomic_load_n(&f->page->back.speed, __ATOMIC_RELAXED);
    return flag_state(f) == XENVIRT_BACK_ATTACHED && __atomic_load_n(&f->page->back.link, __ATOMIC_RELAXED) == 1;
}

uint32_t flag_mtu(const struct flag *f)
{
    uint32_t mtu = __atomic_load_n(&f->page->back.mtu, __ATOMIC_RELAXED);

    if (!flag_back_end(f) || mtu < XENVIRT_MTU_MIN || mtu > XENVIRT_MTU_MAX)
        return XENVIRT_MTU_MAX;
    return mtu;
}

const char *flag_refusal(const struct flag *f)
{
    uint32_t reason = __atomic_load_n(&f->page->back.reason, __ATOMIC_RELAXED);

    if (flag_state(f) != XENVIRT_BACK_REFUSED)
        return NULL;
    return reason < RTE_DIM(refusals) ? refusals[reason] : "unknown reason";
}
