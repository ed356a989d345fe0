/* SPDX-License-Identifier: BSD-3-Clause */
// command.h: what fe22 is told beside what all guests are.
#ifndef XV_COMMAND_H
#define XV_COMMAND_H

#include "words.h"

extern const struct command fe22_commands[]; // the last one has no name

#endif
