/* SPDX-License-Identifier: BSD-3-Clause */
// front.h: a kind of front end, from an offer that is judged (keys.h) to the end of its attachment: what of its memory
// is mapped, how it is heard, and how it is told. Each kind is one struct front_ops, in a front_X.c.
//
// A kind may have one page that is mapped from the offer to the end (page). What its device wants is set in the
// attachment (end, fresh, front_gone); lifecycle.h alone acts on it.
#ifndef XV_FRONT_H
#define XV_FRONT_H

#include "keys.h"

struct attachment;
struct guests;
struct map_job;
struct mapper;

// What a front end can be told.
enum front_news {
    FRONT_SEEN, // its offer is good and is about to be attached
    FRONT_ATTACHED, // the rings are served
    FRONT_DETACHED, // the switch touches none of its memory any more
    FRONT_REFUSED, // a->refusal and a->why say why
};

// Another address that a front end wants while it runs.
struct front_wish {
    uint32_t number; // another one for each wish; 0: none
    uint8_t mac[6];
};

struct front_ops {
    enum front_kind kind;

    // Returns the reference of the page that stays mapped, 0: there is none. If it can't be mapped any more the guest
    // is gone.
    uint32_t (*page)(const struct front_words *w);

    // On the mapper's thread, a step at a time, as other offers wait: map what j->offer names, at most j->pages, read it
    // once, and leave j->table and j->page; or refuse (mapper_refuse()). An offer that is refused already may still
    // leave the page, on which it is told. Returns true if that was the last step. What is kept from one to the next is
    // at j->work, and forgotten by forget.
    bool (*map)(struct mapper *m, struct map_job *j);
    void (*forget)(struct map_job *j);

    // The page of a, if its kind has one, is at a->page: for a new offer, or one of an earlier watcher. It is given back
    // after close.
    void (*open)(struct attachment *a, bool adopted);
    void (*close)(struct attachment *a);

    // Tell it. Does nothing if it doesn't listen.
    void (*tell)(struct guests *gs, struct attachment *a, enum front_news news);

    // Tell it the link and the MTU of its uplink, as they have changed.
    void (*tell_link)(struct guests *gs, struct attachment *a);

    // Read what it says, and set end, fresh and front_gone of a.
    void (*poll)(struct guests *gs, struct attachment *a);

    // Returns true unless it says that it wants to stop. It was told FRONT_SEEN before.
    bool (*wants)(const struct attachment *a);

    // The address that it wishes for; what became of a wish, or of none (number 0): that wishes are judged. NULL: a
    // kind without.
    struct front_wish (*wish)(const struct attachment *a);
    void (*tell_wish)(struct attachment *a, uint32_t number, enum xenvirt_refusal verdict);
};

// By kind; NULL: there is no such kind.
extern const struct front_ops *const fronts[FRONT_KINDS_MAX];

#define FRONT_EXTERN(NAME, name) extern const struct front_ops front_##name;
FRONT_KIND_LIST(FRONT_EXTERN)

#endif
