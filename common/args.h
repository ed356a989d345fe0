/* SPDX-License-Identifier: BSD-3-Clause */
// args.h: the command line, alike in all programs.
//
// --name VALUE, --name=VALUE, -n VALUE and -nVALUE; a long name may be cut short as long as no other begins so. Options
// and operands may be mixed, "--" ends the options. A wrong one is said in one line on stderr, and the program ends
// with EXIT_USAGE.
#ifndef XV_ARGS_H
#define XV_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// What every program is told. A program's own options are a struct that begins with it.
struct args {
    const char *config; // NULL: the usual file
    bool check, help, version;
    int n_operands;
    char **operands; // of argv, whose order changes
};

struct args_row {
    const char *name;
    char letter; // 0: none
    const char *value; // its name in the usage, NULL: takes none
    int (*set)(struct args *a, const char *value); // 0 or -EINVAL
    const char *wants; // what set takes, in words
    const char *help;
};

// The rows that all programs have; they stand at the end of each program's own.
#define ARGS_COMMON \
    { "config", 0, "FILE", args_set_config, "a file", "configuration (" CONF_FILE ")" }, \
        { "check", 'n', NULL, args_set_check, "", \
            "check all that can be checked without starting, print what is in force" }, \
        { "help", 'h', NULL, args_set_help, "", "print this" }, \
    { \
        "version", 'V', NULL, args_set_version, "", "print the version" \
    }

struct args_program {
    const char *name;
    const char *synopsis; // lines of the usage, each with its end
    const char *more; // what follows the options
    const struct args_row *rows;
    unsigned n_rows;
};

int args_set_config(struct args *a, const char *value);
int args_set_check(struct args *a, const char *value);
int args_set_help(struct args *a, const char *value);
int args_set_version(struct args *a, const char *value);

// What a word is.
struct args_match {
    const struct args_row *row;
    const char *value; // attached to it, or NULL
};

// Find the option that the word names. Returns 1 with *m; 0 if it names none; -EINVAL if it may be several, or has a
// value that it doesn't take: err says so. names (n_names, may be NULL) are other long options that a name cut short
// may mean as well.
int args_find(const struct args_program *p, const char *const *names, unsigned n_names, const char *word,
    struct args_match *m, char *err, size_t n);

// Give the row its value. Returns 0, or -EINVAL after err says what is wrong.
int args_take(const struct args_row *row, struct args *a, const char *value, char *err, size_t n);

// Read the command line into a, which is zeroed or preset. Returns -1 to go on, or the exit status: help and version
// were printed, or what is wrong was said.
int args_read(const struct args_program *p, struct args *a, int argc, char **argv);

void args_usage(const struct args_program *p, FILE *out);

// Write what is wrong into err. Returns -EINVAL.
int __attribute__((format(printf, 3, 4))) args_refuse(char *err, size_t n, const char *fmt, ...);

// Say what is wrong with the command line. Returns EXIT_USAGE.
int __attribute__((format(printf, 2, 3))) args_wrong(const struct args_program *p, const char *fmt, ...);

// Print a text of several lines, each behind the program's name, on stderr. Returns EXIT_USAGE.
int args_complain(const char *program, const char *text);

#endif
