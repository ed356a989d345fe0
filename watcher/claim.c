/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "claim.h"
#include "layout.h"
#include "log.h"
#include "peer.h"

static int claim_refuse(struct msg_claimed *answer, int ret, const char *text)
{
    answer->ret = ret;
    snprintf(answer->text, sizeof(answer->text), "%s", text);
    return ret;
}

static int claim_adopt(struct workers *ws, const struct msg_claim *m, struct worker **w)
{
    int ret;

    *w = slot_free(&ws->slots);
    if (*w == NULL)
        return -EBUSY;
    ret = process_hold(&(*w)->process, m->pid);
    return ret < 0 ? ret : slot_take(&ws->slots, *w, m->domid, worker_supervised(ws, m->flags));
}

// Orphans keep their slots and name them in their hello, so a slot that is free now may be one of theirs. One of them
// may be the process that claims, if it had no slot yet when the earlier watcher died. Returns true if it has to wait
// for the others.
static bool orphans_wait(struct workers *ws, const struct msg_claim *m)
{
    struct orphan *o = orphan_of_pid(&ws->orphans, m->pid);

    if (o != NULL)
        o->claims = true;
    if (orphans_silent(&ws->orphans))
        return true;
    if (o != NULL && ws->primary->up)
        orphan_end(&ws->orphans, o);
    return false;
}

// Returns true if the kernel says that the process named in the claim is here, and is who may be that worker: the slot's
// own, or the one that has the domain's lock. A spare is always one that we started.
static bool claim_proved(const struct workers *ws, const struct worker *w, const struct msg_claim *m)
{
    if (!peer_has(&ws->claim, m->pid))
        return false;
    return w != NULL ? w->domid == m->domid : worker_locks(ws, m->domid, m->pid);
}

// Returns true if the answer doesn't depend on who claims. Claims are many while there is no primary.
static bool claim_waits(struct workers *ws, const struct worker *w, const struct msg_claim *m)
{
    const struct orphan *o = w == NULL ? orphan_of_pid(&ws->orphans, m->pid) : NULL;

    return !ws->primary->up && (o == NULL || o->claims);
}

static int claim_judge(struct workers *ws, const struct msg_claim *m, struct msg_claimed *answer)
{
    struct worker *w = slot_of_pid(&ws->slots, m->pid);
    struct worker *other = slot_of(&ws->slots, m->domid);

    if (m->layout != layout_hash())
        return claim_refuse(answer, -EPROTO, "it is of another version than xv-watcher; install and restart both");
    if (claim_waits(ws, w, m))
        return claim_refuse(answer, -EAGAIN, "waiting for xv-primary");
    if (!claim_proved(ws, w, m))
        return claim_refuse(answer, -EPERM, "it isn't the process that may be that worker");
    if (w == NULL && orphans_wait(ws, m))
        return claim_refuse(answer, -EAGAIN, "waiting for workers that an earlier xv-watcher started");
    // EAL must not start before the primary's is up: a secondary would wait for it for ever.
    if (!ws->primary->up)
        return claim_refuse(answer, -EAGAIN, "waiting for xv-primary");
    if (other != NULL && other != w && m->domid != MSG_DOMID_ANY)
        return claim_refuse(answer, -EBUSY, "the domain has a worker");
    if (w == NULL && claim_adopt(ws, m, &w) < 0)
        return claim_refuse(answer, -EBUSY, "no slot is free (max_guests)");
    answer->slot = w->slot;
    answer->lcore = MSG_WORKER_LCORE_FIRST + w->slot;
    return 0;
}

void claims_receive(struct workers *ws)
{
    union msg m;
    int ret;

    while (link_next(&ws->claim, &m)) {
        union msg answer = {};

        if (m.hdr.type != MSG_CLAIM)
            continue;
        ret = claim_judge(ws, &m.CLAIM, &answer.CLAIMED);
        if (ret < 0 && ret != -EAGAIN && log_may(&ws->quota))
            LOG(WARNING, "%s: worker %d refused: %s", slot_label(m.CLAIM.domid), m.CLAIM.pid, answer.CLAIMED.text);
        link_send(&ws->claim, &answer, MSG_CLAIMED, m.hdr.seq);
    }
}

int claims_open(struct workers *ws)
{
    int ret = link_bind(&ws->claim, LINK_REP, ws->conf->run_dir, MSG_CLAIM_SOCKET, MSG_FROM_WATCHER, MSG_FROM_WORKER);

    return ret < 0 ? ret : loop_listen(ws->loop, ws->claim.fd, LOOP_CLAIM, 0);
}

void claims_close(struct workers *ws)
{
    link_close(&ws->claim);
}
