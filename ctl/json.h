/* SPDX-License-Identifier: BSD-3-Clause */
// json.h: what the switch is doing, as one JSON object. The manual names its keys.
#ifndef XV_JSON_H
#define XV_JSON_H

#include <stdio.h>

#include "show.h"

void json_print(const struct show *sh, FILE *out);

#endif
