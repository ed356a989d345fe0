/* SPDX-License-Identifier: BSD-3-Clause */
// watch.h: the daemon: all domains, all the time.
//
// It looks at all of them when one comes or goes, and every ROUND_NS besides: then names have changed, or guests have
// removed what they were given. Nothing that a guest writes wakes it.
#ifndef XV_WATCH_H
#define XV_WATCH_H

#include "conf.h"

// Run until SIGTERM or SIGINT. XenStore may come later, go and come back. Returns 0 or -errno, said.
int watch_run(const struct conf *c);

#endif
