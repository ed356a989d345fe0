/* SPDX-License-Identifier: BSD-3-Clause */
// reader.h: a configuration that is being read, and its mistakes. Private to read.c and check.c.
#ifndef XV_READER_H
#define XV_READER_H

#include "conf.h"
#include "mistake.h"
#include "option.h"
#include "setting.h"

struct reader {
    struct conf *c;
    struct mistakes *mistakes;
    unsigned lines; // of the file
    bool size_open; // what the size of the switch is made of has a mistake
};

// Add a mistake at the line of s. Returns -EINVAL.
int __attribute__((format(printf, 3, 4))) reader_fail(struct reader *r, const struct setting *s, const char *fmt, ...);

// Take a setting that is no list of groups into its field below base. Returns 0, or -EINVAL after the mistake was added.
int reader_value(struct reader *r, const struct setting *s, const struct option *o, void *base);

#endif
