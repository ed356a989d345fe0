/* SPDX-License-Identifier: BSD-3-Clause */
// xenbus.h: the back end's side of xen/io/xenbus.h: which state it shows, by what front end, toolstack and switch do.
// Pure.
//
// A back end comes to INIT_WAIT before anything else, as the toolstack waits for that; to CONNECTED when the switch serves
// the rings; and by CLOSING to CLOSED when either side wants an end, but to CLOSED only when the switch has let go of the
// guest's memory. From there a front end begins anew, after a reload of its driver as after a boot into another kernel;
// or, if the toolstack has taken the device away, its directory goes, when the toolstack has had the time to read CLOSED:
// libxl takes a directory that vanishes before for a failure, and leaves the device half there.
#ifndef XV_XENBUS_H
#define XV_XENBUS_H

#include <stdbool.h>

#include <xen/io/xenbus.h>

// What there is to do.
struct xenbus_step {
    enum xenbus_state state; // to be written, XenbusStateUnknown: nothing
    bool remove; // the back end's directory is to be removed
};

struct xenbus_view {
    enum xenbus_state back, front; // as they stand in XenStore; XenbusStateUnknown: no such key, or no number
    bool online; // the toolstack wants the device
    bool served; // the switch touches its memory, or is about to
    bool ready; // it serves its rings
};

struct xenbus_step xenbus_next(const struct xenbus_view *v);

// A state's text, NULL: none. Returns XenbusStateUnknown for what is no state.
enum xenbus_state xenbus_state_of(const char *text);

#endif
