/* SPDX-License-Identifier: BSD-3-Clause */
// reader.h: a configuration that is being read; private to reader.c and check.c.
#ifndef XV_READER_H
#define XV_READER_H

#include "conf.h"
#include "mistake.h"
#include "setting.h"

struct reader {
    struct conf *c;
    struct mistakes *mistakes;
    unsigned lines; // of the file
    bool size_open; // what the size of the switch is made of has a mistake
};

// Add a mistake at the line of s. Returns -EINVAL.
int __attribute__((format(printf, 3, 4))) reader_fail(struct reader *r, const struct setting *s, const char *fmt, ...);

#endif
