/* SPDX-License-Identifier: BSD-3-Clause */
// label.c: what vifs and their states are called.
#include <stdio.h>

#include "guest.h"

const char *attachment_state_name(enum attachment_state state)
{
#define VIF_STATE_NAME(name, text) text,
    static const char *const names[] = { VIF_STATE_LIST(VIF_STATE_NAME) };

    return names[state];
}

const char *attachment_label(const struct attachment *v)
{
    static char label[48];

    if (v->number >= 0)
        snprintf(label, sizeof(label), "guest %u vif %d", v->guest->domid, v->number);
    else
        snprintf(label, sizeof(label), "guest %u device %u", v->guest->domid, v->device);
    return label;
}
