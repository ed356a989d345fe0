/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "rescue.h"

#define WAIT_NS (40 * CLOCK_MS) // longer than the turns of those that share a CPU fairly
#define TICK_NS (15 * CLOCK_MS) // so the next tick ends it
#define PAUSE_NS (15 * CLOCK_MS) // and that after it may begin another
// Nobody else sets both: so we know again what we did.
#define POLICY (SCHED_RR | SCHED_RESET_ON_FORK)

static pid_t word(const _Atomic uint32_t *w)
{
    return (pid_t)atomic_load_explicit(w, memory_order_relaxed);
}

static int policy_set(pid_t tid, int policy, int priority)
{
    struct sched_param param = { .sched_priority = priority };

    return sched_setscheduler(tid, policy, &param) < 0 ? -errno : 0;
}

void rescue_open(const struct state *s)
{
    for (uint32_t i = 0; i < FABRIC_IO_MAX; i++) {
        pid_t tid = word(&s->ios[i].tid);

        if (tid != 0 && heartbeat_thread(word(&s->ios[i].pid), tid).state != 0 && sched_getscheduler(tid) == POLICY)
            policy_set(tid, SCHED_OTHER, 0);
    }
}

void rescue_offer(struct rescue *r, pid_t primary, const struct state_ctx *ctx, const struct heartbeat *p)
{
    if (p->waited_ns < WAIT_NS || p->waited_ns <= r->worst_ns)
        return;
    r->primary = primary;
    r->worst = word(&ctx->tid);
    r->worst_ns = p->waited_ns;
}

static void rescue_end(struct rescue *r, uint64_t now)
{
    policy_set(r->tid, SCHED_OTHER, 0);
    if (r->raised)
        policy_set(0, SCHED_OTHER, 0);
    r->tid = 0;
    r->until_ns = now + PAUSE_NS;
}

// Who has it stands in memory that workers write, so it counts only for a thread of the primary. A policy that somebody
// else gave stays.
static bool rescue_may(const struct rescue *r)
{
    return heartbeat_thread(r->primary, r->worst).state != 0 && sched_getscheduler(r->worst) == SCHED_OTHER;
}

static void rescue_begin(struct rescue *r, uint64_t now)
{
    int ret;

    if (!rescue_may(r))
        return;
    r->raised = sched_getscheduler(0) == SCHED_OTHER;
    ret = r->raised ? policy_set(0, POLICY, 2) : 0;
    if (ret == 0)
        ret = policy_set(r->worst, POLICY, 1);
    if (ret < 0 && ret != -ESRCH && !r->told)
        LOG(NOTICE, "an I/O lcore that gets no CPU can't be helped, no real-time policy: %s; see xv.conf(5), poll",
            strerror(-ret));
    r->told = r->told || (ret < 0 && ret != -ESRCH);
    if (ret < 0) {
        if (r->raised)
            policy_set(0, SCHED_OTHER, 0);
        return;
    }
    r->tid = r->worst;
    r->until_ns = now + TICK_NS;
}

void rescue_step(struct rescue *r, uint64_t now)
{
    if (r->tid != 0 && now >= r->until_ns)
        rescue_end(r, now);
    if (r->tid == 0 && r->worst > 0 && now >= r->until_ns)
        rescue_begin(r, now);
    r->worst = 0;
    r->worst_ns = 0;
}
