/* SPDX-License-Identifier: BSD-3-Clause */
// mailbox.h: what one thread asks of another, done in order when the other gets there. Neither waits.
//
// The mails themselves are an array beside it, of a size that is a power of two and that the asking thread never fills:
// it knows how many may be on their way. It alone writes mails and posted, the doing thread alone writes done.
#ifndef XV_MAILBOX_H
#define XV_MAILBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MAILBOX_PAUSE_MIN_US 20u
#define MAILBOX_PAUSE_MAX_US 1000u

struct mailbox {
    alignas(64) _Atomic uint32_t posted;
    alignas(64) _Atomic uint32_t done;
};

// Asking thread. mailbox_count() returns how many mails are on their way; mailbox_number() the number of the next one,
// which modulo the array's size is its place. mailbox_post() posts it, once it is complete there, and returns what
// mailbox_done() is asked with.
static inline uint32_t mailbox_count(const struct mailbox *b)
{
    return atomic_load_explicit(&b->posted, memory_order_relaxed) -
           atomic_load_explicit(&b->done, memory_order_acquire);
}

static inline uint32_t mailbox_number(const struct mailbox *b)
{
    return atomic_load_explicit(&b->posted, memory_order_relaxed);
}

static inline uint32_t mailbox_post(struct mailbox *b)
{
    uint32_t number = mailbox_number(b) + 1;

    // Release: pairs with mailbox_next()'s acquire; the mail is complete.
    atomic_store_explicit(&b->posted, number, memory_order_release);
    return number;
}

// Asking thread: returns true if that mail, and so each one before it, has been dealt with.
static inline bool mailbox_done(const struct mailbox *b, uint32_t number)
{
    // Acquire: pairs with mailbox_drop()'s release; what the mail changed is changed.
    return (int32_t)(atomic_load_explicit(&b->done, memory_order_acquire) - number) >= 0;
}

// Asking thread: for how many us to look elsewhere before it asks again whether a mail is done, after the pause of
// last_us before, 0 at first. Soon, then less and less often: the doing thread may be about to get its CPU.
static inline uint32_t mailbox_pause(uint32_t last_us)
{
    uint32_t us = last_us * 2;

    return us < MAILBOX_PAUSE_MIN_US ? MAILBOX_PAUSE_MIN_US : us > MAILBOX_PAUSE_MAX_US ? MAILBOX_PAUSE_MAX_US : us;
}

// Doing thread: returns true if there is a mail, and its number. It stays until mailbox_drop().
static inline bool mailbox_next(const struct mailbox *b, uint32_t *number)
{
    *number = atomic_load_explicit(&b->done, memory_order_relaxed);
    // Acquire: pairs with mailbox_post()'s release.
    return *number != atomic_load_explicit(&b->posted, memory_order_acquire);
}

// Doing thread: the mail has been dealt with.
static inline void mailbox_drop(struct mailbox *b)
{
    // Release: pairs with mailbox_done()'s acquire.
    atomic_store_explicit(&b->done, atomic_load_explicit(&b->done, memory_order_relaxed) + 1, memory_order_release);
}

#endif
