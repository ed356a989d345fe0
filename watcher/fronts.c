/* SPDX-License-Identifier: BSD-3-Clause */
#include "front.h"

#define FRONT_ROW(NAME, name) [FRONT_##NAME] = &front_##name,
const struct front_ops *const fronts[FRONT_KINDS_MAX] = { FRONT_KIND_LIST(FRONT_ROW) };
