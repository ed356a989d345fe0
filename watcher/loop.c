/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loop.h"

#define TICK_MS 20
#define GAP_MAX_NS (100 * CLOCK_MS)

int loop_open(struct loop *l)
{
    struct itimerspec tick = { .it_interval.tv_nsec = TICK_MS * 1000000, .it_value.tv_nsec = TICK_MS * 1000000 };

    *l = (struct loop){ .now = clock_ns(), .epoll = epoll_create1(EPOLL_CLOEXEC) };
    if (l->epoll < 0)
        return -errno;
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->timer < 0 || timerfd_settime(l->timer, 0, &tick, NULL) < 0)
        return -errno;
    return loop_listen(l, l->timer, LOOP_TIMER, 0);
}

int loop_listen(struct loop *l, int fd, enum loop_kind kind, uint32_t index)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index };

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

uint32_t loop_wait(struct loop *l, struct loop_event events[static LOOP_EVENTS_MAX])
{
    struct epoll_event ready[LOOP_EVENTS_MAX];
    int n = epoll_wait(l->epoll, ready, LOOP_EVENTS_MAX, -1);

    l->now = clock_ns();
    for (int i = 0; i < n; i++)
        events[i] = (struct loop_event){ (enum loop_kind)(ready[i].data.u64 >> 32), (uint32_t)ready[i].data.u64 };
    return n < 0 ? 0 : (uint32_t)n;
}

bool loop_tick(struct loop *l)
{
    uint64_t ticks;

    if (read(l->timer, &ticks, sizeof(ticks)) < 0)
        return false;
    l->gap_ns = l->now - l->ticked_ns < GAP_MAX_NS ? l->now - l->ticked_ns : GAP_MAX_NS;
    l->ticked_ns = l->now;
    return true;
}
