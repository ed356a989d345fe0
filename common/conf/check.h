/* SPDX-License-Identifier: BSD-3-Clause */
// check.h: what the table of options can't say, since it concerns more than one setting. Mistakes go to the reader.
#ifndef XV_CHECK_H
#define XV_CHECK_H

#include "reader.h"

// An entry of a list against those before it. s is its group, i its place.
void check_vif(struct reader *r, const struct setting *s, const struct conf_guest *g, uint32_t i);
void check_guest(struct reader *r, const struct setting *s, uint32_t i);
void check_uplink(struct reader *r, const struct setting *s, uint32_t i);

// All entries are read: the size of the switch, and what is said of numbers and tags. Sets max_guests if the file
// doesn't.
void check_whole(struct reader *r, const struct setting *root);

#endif
