/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "rig.h"

struct conf conf;
char dir[] = "/tmp/xv-conf-XXXXXX";
char file[64];
char err[512];

void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/xv.conf", dir);
}

void tear_down(void)
{
    unlink(file);
    rmdir(dir);
}

int read_text(struct conf *c, const char *text)
{
    FILE *f = fopen(file, "w");

    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    err[0] = '\0';
    return conf_read(c, file, err, sizeof(err));
}

void good(const char *text)
{
    cr_assert_eq(read_text(&conf, text), 0, "%s: %s", text, err);
}

void bad(const char *text, unsigned line, const char *words)
{
    char at[96];

    cr_expect_eq(read_text(&conf, text), -EINVAL, "accepted: %s", text);
    snprintf(at, sizeof(at), "%s:%u: ", file, line);
    cr_expect_eq(strncmp(err, at, strlen(at)), 0, "\"%s\" does not begin with \"%s\"", err, at);
    cr_expect_not_null(strstr(err, words), "\"%s\" does not say \"%s\"", err, words);
}
