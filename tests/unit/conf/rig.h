/* SPDX-License-Identifier: BSD-3-Clause */
// rig.h: configurations from a text.
#ifndef XV_CONF_RIG_H
#define XV_CONF_RIG_H

#include "conf.h"

#define UUID_A "01234567-89ab-cdef-0123-456789abcdef"
#define UUID_B "11234567-89ab-cdef-0123-456789abcdef"

extern struct conf conf; // what good() and bad() read
extern char dir[]; // of the test
extern char file[64]; // the file that the text is written to
extern char err[512]; // what was said of the last one

void set_up(void);
void tear_down(void);

// Read the text. Returns what conf_read() does.
int read_text(struct conf *c, const char *text);

// Assert that the text is accepted.
void good(const char *text);

// Assert that the text is refused at that line with these words.
void bad(const char *text, unsigned line, const char *words);

#endif
