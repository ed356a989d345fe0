/* SPDX-License-Identifier: BSD-3-Clause */
// slot.h: a worker's place among the workers, asked of the watcher before EAL starts.
#ifndef XV_CLAIM_H
#define XV_CLAIM_H

#include "conf.h"

// Ask until the watcher gives a slot; says once what it waits for. Returns 0, -EINTR when signal_fd became readable,
// or another -errno after it was logged.
int claim_slot(const struct conf *c, uint32_t domid, uint32_t flags, int signal_fd, uint32_t *slot, uint32_t *lcore);

#endif
