/* SPDX-License-Identifier: BSD-3-Clause */
// Mails arrive complete, in order, and what they change is seen when they are done.
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "mailbox.h"

#define SLOTS 8u
#define MAILS 100000u

static struct mailbox box;
static uint32_t mails[SLOTS];
static uint32_t sum; // the doing thread's, the asking thread's to read when a mail is done

static uint32_t post(uint32_t what)
{
    mails[mailbox_number(&box) % SLOTS] = what;
    return mailbox_post(&box);
}

static void take(uint32_t number)
{
    sum += mails[number % SLOTS];
    mailbox_drop(&box);
}

Test(mailbox, a_mail_is_done_when_it_and_those_before_it_are_dropped)
{
    uint32_t first = post(1), second = post(2), number;

    cr_assert_eq(mailbox_count(&box), 2);
    cr_assert(!mailbox_done(&box, first));
    cr_assert(mailbox_next(&box, &number));
    take(number);
    cr_assert(mailbox_done(&box, first) && !mailbox_done(&box, second));
    cr_assert(mailbox_next(&box, &number));
    take(number);
    cr_assert(mailbox_done(&box, second) && !mailbox_next(&box, &number));
    cr_assert_eq(mailbox_count(&box), 0);
    cr_assert_eq(sum, 3);
}

Test(mailbox, numbers_wrap)
{
    uint32_t number, last;

    atomic_store(&box.posted, UINT32_MAX - 1);
    atomic_store(&box.done, UINT32_MAX - 1);
    post(1);
    last = post(2);
    cr_assert_eq(last, 0);
    cr_assert(!mailbox_done(&box, last));
    for (int i = 0; i < 2; i++) {
        cr_assert(mailbox_next(&box, &number));
        take(number);
    }
    cr_assert(mailbox_done(&box, last) && mailbox_done(&box, last - 1));
}

static void *doer(void *arg)
{
    uint32_t number;

    (void)arg;
    for (uint32_t i = 0; i < MAILS;) {
        if (mailbox_next(&box, &number)) {
            take(number);
            i++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

Test(mailbox, two_threads_lose_nothing)
{
    uint32_t last = 0;
    pthread_t t;

    cr_assert_eq(pthread_create(&t, NULL, doer, NULL), 0);
    for (uint32_t i = 0; i < MAILS;) {
        if (mailbox_count(&box) < SLOTS) {
            last = post(i);
            i++;
        } else {
            sched_yield();
        }
    }
    while (!mailbox_done(&box, last))
        sched_yield();
    cr_assert_eq(sum, (uint32_t)((uint64_t)MAILS * (MAILS - 1) / 2));
    pthread_join(t, NULL);
}
