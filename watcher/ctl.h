/* SPDX-License-Identifier: BSD-3-Clause */
// ctl.h: answers xvctl.
#ifndef XV_CTL_H
#define XV_CTL_H

struct conductor;

int ctl_open(struct conductor *c);
void ctl_close(struct conductor *c);
void ctl_receive(struct conductor *c);

#endif
