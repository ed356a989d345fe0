/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "wake.h"

static uint32_t id_egress(uint32_t id)
{
    return (id & 0xff) - 1;
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *t)
{
    return syscall(SYS_futex, word, op, value, t, NULL, 0);
}

void wake_begin(const struct fabric *f, uint32_t id)
{
    if (id != 0)
        atomic_store_explicit(fabric_alarm(f, id_egress(id)), 0, memory_order_relaxed);
}

void wake_tell(struct fabric_row *row, uint32_t id)
{
    atomic_store_explicit(&row->wake, id, memory_order_relaxed);
    // Before the owner's last look. A source has no fence between its tail and its look at this word: that would cost
    // every burst what now and then costs a sleep.
    if (id != 0)
        atomic_thread_fence(memory_order_seq_cst);
}

bool wake_wait(const struct fabric *f, uint32_t id, uint32_t us)
{
    struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

    if (id != 0)
        return futex(fabric_alarm(f, id_egress(id)), FUTEX_WAIT, 0, &t) == 0 || errno != ETIMEDOUT;
    nanosleep(&t, NULL);
    return false;
}

// The owner may have written anything.
uint32_t wake_now(const struct fabric *f, uint32_t id)
{
    if (id_egress(id) < fabric_egresses(f)) {
        // Release: pairs with the kernel's look at it before the owner sleeps; the frames are on their lane.
        atomic_store_explicit(fabric_alarm(f, id_egress(id)), id, memory_order_release);
        futex(fabric_alarm(f, id_egress(id)), FUTEX_WAKE, INT_MAX, NULL);
    }
    return id;
}
