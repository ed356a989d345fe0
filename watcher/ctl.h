/* SPDX-License-Identifier: BSD-3-Clause */
// ctl.h: answers xvctl.
#ifndef XV_CTL_H
#define XV_CTL_H

#include "guest.h"
#include "link.h"
#include "log.h"
#include "loop.h"

struct ctl {
    // Set by who opens it
    struct loop *loop;
    struct guests *guests;
    bool crowded; // workers would want more than their CPUs have (preflight.h)
    // Its own
    struct link link;
    struct log_quota quota; // of what strangers say
};

// Bind the socket for xvctl. Returns 0 or -errno; end with ctl_close().
int ctl_open(struct ctl *c);
void ctl_close(struct ctl *c);

// Answer what waits: show all, or restart a guest's worker.
void ctl_receive(struct ctl *c);

#endif
