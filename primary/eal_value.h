/* SPDX-License-Identifier: BSD-3-Clause */
// eal_value.h: what EAL's options take. EAL says it in a screenful, after it has begun to start, or not at all.
#ifndef XV_EAL_VALUE_H
#define XV_EAL_VALUE_H

// Returns NULL if that is a value of that option ("-n", "--iova-mode"), or if we don't know, else what is allowed.
const char *eal_value_wants(const char *option, const char *value);

#endif
