/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "xenbus.h"

enum xenbus_state xenbus_state_of(const char *text)
{
    if (text == NULL || text[0] < '1' || text[0] > '8' || text[1] != '\0')
        return XenbusStateUnknown;
    return (enum xenbus_state)(text[0] - '0');
}

static struct xenbus_step step(const struct xenbus_view *v, enum xenbus_state state)
{
    return (struct xenbus_step){ .state = state == v->back ? XenbusStateUnknown : state };
}

// Either side wants an end.
static struct xenbus_step end(const struct xenbus_view *v)
{
    struct xenbus_step s = step(v, v->served ? XenbusStateClosing : XenbusStateClosed);

    // Never in one step with CLOSED: the toolstack has to read that.
    s.remove = !v->served && !v->online && v->back == XenbusStateClosed;
    return s;
}

struct xenbus_step xenbus_next(const struct xenbus_view *v)
{
    switch (v->online ? v->front : XenbusStateClosing) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        // One that begins anew while it is served has lost the rings that are: they go first.
        return v->served ? end(v) : step(v, XenbusStateInitWait);
    case XenbusStateInitialised:
    case XenbusStateConnected:
        if (v->ready)
            return step(v, XenbusStateConnected);
        // What was closed waits for a new beginning.
        return v->back == XenbusStateInitialising || v->back == XenbusStateUnknown ? step(v, XenbusStateInitWait)
                                                                                   : step(v, v->back);
    case XenbusStateUnknown: // its directory is gone, or not made yet
        return v->back == XenbusStateInitialising ? step(v, XenbusStateInitWait) : end(v);
    default:
        return end(v);
    }
}
