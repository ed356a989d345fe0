/* SPDX-License-Identifier: BSD-3-Clause */
// side_xv.h: what our side is made of, for who wants to run its steps one by one.
#ifndef XV_BENCH_SIDE_XV_H
#define XV_BENCH_SIDE_XV_H

#include "burst.h"

#define XV_CTX 1u // the sender's context; 0 is the primary's
enum xv_vif { XV_SENDER, XV_RECEIVER, XV_VIFS }; // by number

extern struct source xv_source;
extern struct vif xv_vifs[XV_VIFS];

// EAL on one CPU, with hugepages and nothing else. Exits on failure.
void eal_start(const char *cpu, bool hugepages);

#endif
