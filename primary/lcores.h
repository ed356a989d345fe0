/* SPDX-License-Identifier: BSD-3-Clause */
// lcores.h: which lcores EAL is told to run, read as EAL reads it.
#ifndef XV_LCORES_H
#define XV_LCORES_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>

struct lcores {
    cpu_set_t ids;
    cpu_set_t cpus; // that they run on
};

// -c: "0x3". -l: "0-3,8". --lcores: "0@2,(1,2)@(3-5)". Return 0, or -EINVAL if it is none or names an id above 1023.
int lcores_of_mask(struct lcores *l, const char *text);
int lcores_of_list(struct lcores *l, const char *text);
int lcores_of_map(struct lcores *l, const char *text);

// The first of them that this machine (root: below which its /sys is) doesn't have, or -1.
int lcores_missing_cpu(const struct lcores *l, const char *root);

// How many I/O lcores there are of n_lcores (0: not known yet): all but the first, or the only one.
uint32_t lcores_io(uint32_t n_lcores);

#endif
