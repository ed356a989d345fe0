/* SPDX-License-Identifier: BSD-3-Clause */
// request.h: ask the primary and the worker for what an attachment needs next. Each function may be called in every
// step: what was asked is asked again only after REQUEST_AGAIN_NS without an answer.
#ifndef XV_REQUEST_H
#define XV_REQUEST_H

#include "attachment.h"
#include "clock.h"

#define REQUEST_AGAIN_NS (200 * CLOCK_MS)

// Open (up = 1) or close its vif in the primary.
void request_port(struct guests *gs, struct attachment *a, uint32_t up);

// Attach (up = 1) or detach it in its guest's worker. A worker that owes the answer for worker.start_ms is killed: its
// poll loop may turn, but the thread that maps memory doesn't.
void request_attach(struct guests *gs, struct attachment *a, uint32_t up);

#endif
