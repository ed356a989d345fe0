/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "nap.h"

static uint32_t nap_outlet(uint32_t nap)
{
    return (nap & 0xff) - 1;
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *t)
{
    return syscall(SYS_futex, word, op, value, t, NULL, 0);
}

void nap_tell(struct fabric *f, uint32_t outlet, uint32_t nap)
{
    atomic_store_explicit(fabric_nap(f, outlet), nap, memory_order_relaxed);
    // Before the owner's last look. A source has no fence between its tail and its look at this word: that would cost
    // every burst what now and then costs a sleep.
    if (nap != 0)
        atomic_thread_fence(memory_order_seq_cst);
}

void nap_take(struct fabric *f, uint32_t nap, uint32_t us)
{
    struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

    if (nap == 0)
        nanosleep(&t, NULL);
    else
        futex(fabric_nap(f, nap_outlet(nap)), FUTEX_WAIT, nap, &t);
}

uint32_t nap_end(struct fabric *f, uint32_t outlet, uint32_t ended)
{
    uint32_t nap = atomic_load_explicit(fabric_nap(f, outlet), memory_order_relaxed);

    if (nap == 0 || nap == ended)
        return ended;
    if (nap_outlet(nap) < fabric_outlets(f))
        futex(fabric_nap(f, nap_outlet(nap)), FUTEX_WAKE, INT_MAX, NULL);
    return nap;
}
