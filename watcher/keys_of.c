/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys.h"

#define KEYS_ROW(NAME, name) [FRONT_##NAME] = &keys_##name,
const struct keys_ops *const keys_of[FRONT_KINDS_MAX] = { FRONT_KIND_LIST(KEYS_ROW) };
