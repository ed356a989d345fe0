/* SPDX-License-Identifier: BSD-3-Clause */
// front_xenvirt.c: front ends of xenvirt.h. Both sides say in the flag page (flag.h) how the device is.
#include <string.h>

#include "flag.h"
#include "front.h"
#include "guest.h"
#include "log.h"
#include "mac.h"
#include "primary.h"
#include "xenvirt_map.h"

// An attachment's own part.
struct told {
    uint32_t gen; // last generation told of
    enum xenvirt_back_state state;
};

static struct told *told_of(struct attachment *a)
{
    static_assert(sizeof(struct told) <= ATTACHMENT_OWN_BYTES, "room in struct attachment");
    return (struct told *)a->own;
}

static void xenvirt_open(struct attachment *a, bool adopted)
{
    struct flag_view view;

    if (a->page == NULL)
        return;
    view = flag_read(a->page);
    a->speaks = view.front;
    if (!adopted || (view.front && a->words.xenvirt.front_gen == 0))
        a->words.xenvirt.front_gen = view.generation;
    *told_of(a) = (struct told){ .state = XENVIRT_BACK_NONE };
}

static void xenvirt_close(struct attachment *a)
{
    a->speaks = false;
}

static void xenvirt_tell_link(struct guests *gs, struct attachment *a)
{
    uint32_t speed;
    bool up = primary_link(gs->primary, a->port, &speed);

    if (a->page == NULL || !a->speaks)
        return;
    flag_tell_mtu(a->page, primary_mtu(gs->primary, a->port));
    flag_tell_link(a->page, up, speed);
}

static void tell(struct guests *gs, struct attachment *a, uint32_t gen, enum xenvirt_back_state state)
{
    if (a->page == NULL || !a->speaks)
        return;
    xenvirt_tell_link(gs, a);
    flag_tell(a->page, gen, state, state == XENVIRT_BACK_REFUSED ? a->refusal : XENVIRT_REFUSED_NONE);
    *told_of(a) = (struct told){ gen, state };
}

static void xenvirt_tell(struct guests *gs, struct attachment *a, enum front_news news)
{
    static const enum xenvirt_back_state states[] = {
        [FRONT_SEEN] = XENVIRT_BACK_NONE,
        [FRONT_ATTACHED] = XENVIRT_BACK_ATTACHED,
        [FRONT_DETACHED] = XENVIRT_BACK_DETACHED,
        [FRONT_REFUSED] = XENVIRT_BACK_REFUSED,
    };

    tell(gs, a, a->words.xenvirt.front_gen, states[news]);
    if (news == FRONT_REFUSED && a->refusal == XENVIRT_REFUSED_FLAG_DOWN)
        a->front_gone = true;
}

static struct front_wish wish_of(const struct flag_view *view)
{
    struct front_wish w = { .number = view->mac_number };

    memcpy(w.mac, view->mac, sizeof(w.mac));
    return w;
}

// Its program lives and uses the whole page.
static void heard(struct guests *gs, struct attachment *a, const struct flag_view *view)
{
    struct xenvirt_words *w = &a->words.xenvirt;
    struct front_wish wish = wish_of(view);
    const struct told *told = told_of(a);

    if (!a->speaks) {
        a->speaks = true;
        w->front_gen = view->generation;
    }
    if (!attachment_in_force(a)) {
        // A stop of something that never ran is over at once.
        if (!view->run && (told->gen != view->generation || told->state != XENVIRT_BACK_DETACHED))
            tell(gs, a, view->generation, XENVIRT_BACK_DETACHED);
        return;
    }
    if (view->run && view->generation == w->front_gen) {
        mac_look(gs, a, &wish);
        return;
    }
    a->end = true;
    if (view->generation != w->front_gen && a->want != NULL && a->touched > 0)
        a->fresh = true;
}

static void xenvirt_poll(struct guests *gs, struct attachment *a)
{
    struct flag_view view;

    if (a->page == NULL)
        return;
    view = flag_read(a->page);
    if (view.up && view.front)
        heard(gs, a, &view);
    if (view.up)
        return;
    if (attachment_in_force(a))
        log_line(guest_line(a->guest), "%s: the flag byte is 0: its program is gone", attachment_label(a));
    a->front_gone = true;
}

static bool xenvirt_wants(const struct attachment *a)
{
    return !a->speaks || flag_read(a->page).run;
}

static struct front_wish xenvirt_wish(const struct attachment *a)
{
    struct flag_view view = {};

    if (a->page != NULL && a->speaks)
        view = flag_read(a->page);
    return wish_of(&view);
}

static void xenvirt_tell_wish(struct attachment *a, uint32_t number, enum xenvirt_refusal verdict)
{
    if (a->page != NULL && a->speaks)
        flag_tell_mac(a->page, number != 0 ? number : XENVIRT_MAC_NONE_YET, verdict);
}

const struct front_ops front_xenvirt = {
    .kind = FRONT_XENVIRT,
    .page = xenvirt_page,
    .map = xenvirt_map,
    .forget = xenvirt_forget,
    .open = xenvirt_open,
    .close = xenvirt_close,
    .tell = xenvirt_tell,
    .tell_link = xenvirt_tell_link,
    .poll = xenvirt_poll,
    .wants = xenvirt_wants,
    .wish = xenvirt_wish,
    .tell_wish = xenvirt_tell_wish,
};
