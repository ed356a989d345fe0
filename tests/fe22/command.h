/* SPDX-License-Identifier: BSD-3-Clause */
// command.h: one line of fe22's input.
#ifndef XV_COMMAND_H
#define XV_COMMAND_H

#include "flow.h"

// Do what the line says and print one line of JSON: {"ok":true,...} or {"ok":false,"errno":...,"error":"..."}.
void command_run(struct guest *g, char *line);

#endif
