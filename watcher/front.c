/* SPDX-License-Identifier: BSD-3-Clause */
#include "front.h"
#include "flag.h"
#include "guest.h"
#include "log.h"
#include "mac.h"
#include "mapper.h"
#include "primary.h"

void front_tell_link(struct guests *gs, struct attachment *a)
{
    uint32_t speed;
    bool up = primary_link(gs->primary, a->port, &speed);

    if (a->flag == NULL || !a->front)
        return;
    flag_tell_mtu(a->flag, primary_mtu(gs->primary, a->port));
    flag_tell_link(a->flag, up, speed);
}

void front_tell(struct guests *gs, struct attachment *a, uint32_t gen, enum xenvirt_back_state state)
{
    if (a->flag == NULL || !a->front)
        return;
    front_tell_link(gs, a);
    flag_tell(a->flag, gen, state, state == XENVIRT_BACK_REFUSED ? a->refusal : XENVIRT_REFUSED_NONE);
    a->told_gen = gen;
    a->told = state;
}

void front_drop(struct guests *gs, struct attachment *a)
{
    mapper_drop(gs->mapper, a->flag);
    a->flag = NULL;
    a->front = false;
}

// Its program lives and uses the whole page.
static void front_heard(struct guests *gs, struct attachment *a, const struct flag_view *view)
{
    if (!a->front) {
        a->front = true;
        a->words.xenvirt.front_gen = view->generation;
    }
    if (!attachment_in_force(a)) {
        // A stop of something that never ran is over at once.
        if (!view->run && (a->told_gen != view->generation || a->told != XENVIRT_BACK_DETACHED))
            front_tell(gs, a, view->generation, XENVIRT_BACK_DETACHED);
        return;
    }
    if (view->run && view->generation == a->words.xenvirt.front_gen) {
        mac_look(gs, a, view);
        return;
    }
    a->end = true;
    if (view->generation != a->words.xenvirt.front_gen && a->want != NULL && a->touched > 0)
        a->fresh = true;
}

void front_poll(struct guests *gs, struct attachment *a)
{
    struct flag_view view;

    if (a->flag == NULL || a->flag_down || a->state == ATTACHMENT_DETACHING || a->state == ATTACHMENT_CLOSING)
        return;
    view = flag_read(a->flag);
    if (view.up) {
        if (view.front)
            front_heard(gs, a, &view);
        return;
    }
    if (!attachment_in_force(a)) {
        front_drop(gs, a);
        return;
    }
    LOG(INFO, "%s: the flag byte is 0: its program is gone", attachment_label(a));
    a->flag_down = true;
    a->end = true;
}
