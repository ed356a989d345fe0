/* SPDX-License-Identifier: BSD-3-Clause */
// request.h: ask the primary and the worker for what a vif needs next; again each RESEND_NS until it is answered.
#ifndef XV_REQUEST_H
#define XV_REQUEST_H

#include "attachment.h"

// Open (up = 1) or close the vif in the primary.
void request_port(struct conductor *c, struct attachment *a, uint32_t up);

// Attach (up = 1) or detach it in its guest's worker. A worker that owes the answer for worker.start_ms is killed: its
// poll loop may turn, but the thread that maps memory doesn't.
void request_attach(struct conductor *c, struct attachment *a, uint32_t up);

#endif
