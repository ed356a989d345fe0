/* SPDX-License-Identifier: BSD-3-Clause */
// serve.h: a guest for tests at work. Commands on stdin, one a line; one JSON object on stdout for each:
// {"ok":true,...} or {"ok":false,"errno":...,"error":"..."}.
#ifndef XV_SERVE_H
#define XV_SERVE_H

#include "words.h"

// Until the input ends. own: the commands beside those of traffic.h; the last one has no name.
void guest_serve(struct guest *g, const struct command *own);

#endif
