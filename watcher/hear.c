/* SPDX-License-Identifier: BSD-3-Clause */
#include "hear.h"
#include "guest.h"
#include "mapper.h"

void hear_no_more(struct guests *gs, struct attachment *a)
{
    a->front->close(a);
    mapper_drop(gs->mapper, a->page);
    a->page = NULL;
    a->front_gone = false;
}

void hear(struct guests *gs, struct attachment *a)
{
    if (a->front_gone || a->state == ATTACHMENT_DETACHING || a->state == ATTACHMENT_CLOSING)
        return;
    a->front->poll(gs, a);
    if (!a->front_gone)
        return;
    if (attachment_in_force(a))
        a->end = true;
    else
        hear_no_more(gs, a);
}
