/* SPDX-License-Identifier: BSD-3-Clause */
// table.h: what the switch is doing, for people.
#ifndef XV_TABLE_H
#define XV_TABLE_H

#include <stdio.h>

#include "show.h"

void table_print(const struct show *sh, FILE *out);

#endif
