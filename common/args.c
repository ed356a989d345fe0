/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "args.h"
#include "exit.h"

int args_set_config(struct args *a, const char *value)
{
    a->config = value;
    return value[0] != '\0' ? 0 : -EINVAL;
}

int args_set_check(struct args *a, const char *value)
{
    (void)value;
    a->check = true;
    return 0;
}

int args_set_help(struct args *a, const char *value)
{
    (void)value;
    a->help = true;
    return 0;
}

int args_set_version(struct args *a, const char *value)
{
    (void)value;
    a->version = true;
    return 0;
}

int args_refuse(char *err, size_t n, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err, n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static void candidate_add(char *list, size_t n, const char *name)
{
    size_t at = strlen(list);

    snprintf(list + at, n - at, "%s--%s", at > 0 ? ", " : "", name);
}

// The row that --name, which is len long, is or begins. *count: how many could be meant, all in list.
static const struct args_row *row_of_name(const struct args_program *p, const char *const *names, unsigned n_names,
    const char *name, size_t len, unsigned *count, char *list, size_t n)
{
    const struct args_row *found = NULL;

    *count = 0;
    list[0] = '\0';
    for (unsigned i = 0; i < p->n_rows; i++) {
        if (strncmp(p->rows[i].name, name, len) != 0)
            continue;
        found = &p->rows[i];
        (*count)++;
        candidate_add(list, n, found->name);
        if (found->name[len] == '\0') {
            *count = 1;
            return found;
        }
    }
    for (unsigned i = 0; i < n_names; i++) {
        if (strncmp(names[i], name, len) != 0 || (found != NULL && strcmp(names[i], found->name) == 0))
            continue;
        if (names[i][len] == '\0') {
            *count = 1;
            return NULL;
        }
        (*count)++;
        candidate_add(list, n, names[i]);
    }
    return found;
}

static int find_long(const struct args_program *p, const char *const *names, unsigned n_names, const char *word,
    struct args_match *m, char *err, size_t n)
{
    size_t len = strcspn(word + 2, "=");
    char list[256];
    unsigned count;

    m->row = row_of_name(p, names, n_names, word + 2, len, &count, list, sizeof(list));
    if (m->row == NULL)
        return 0;
    if (count > 1)
        return args_refuse(err, n, "option '--%.*s' is ambiguous: it may be %s", (int)len, word + 2, list);
    m->value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    if (m->value != NULL && m->row->value == NULL)
        return args_refuse(err, n, "option '--%s' takes no value", m->row->name);
    return 1;
}

static int find_letter(const struct args_program *p, const char *word, struct args_match *m)
{
    for (unsigned i = 0; i < p->n_rows; i++) {
        m->row = &p->rows[i];
        if (m->row->letter == 0 || m->row->letter != word[1])
            continue;
        m->value = word[2] != '\0' ? word + 2 : NULL;
        return m->value == NULL || m->row->value != NULL;
    }
    return 0;
}

int args_find(const struct args_program *p, const char *const *names, unsigned n_names, const char *word,
    struct args_match *m, char *err, size_t n)
{
    *m = (struct args_match){ NULL, NULL };
    if (word[0] != '-' || word[1] == '\0')
        return 0;
    if (word[1] != '-')
        return find_letter(p, word, m);
    return word[2] != '\0' && word[2] != '=' ? find_long(p, names, n_names, word, m, err, n) : 0;
}

int args_take(const struct args_row *row, struct args *a, const char *value, char *err, size_t n)
{
    return row->set(a, value) == 0 ? 0 : args_refuse(err, n, "--%s: '%.64s' is not %s", row->name, value, row->wants);
}

// Take the option at argv[*i], and the word after it if that is its value.
static int option_take(const struct args_program *p, struct args *a, int argc, char **argv, int *i, char *err, size_t n)
{
    const char *word = argv[*i];
    struct args_match m;
    int ret = args_find(p, NULL, 0, word, &m, err, n);

    if (ret < 0)
        return ret;
    if (ret == 0)
        return args_refuse(err, n, "unknown option '%s'", word);
    if (m.row->value != NULL && m.value == NULL) {
        if (*i + 1 == argc)
            return args_refuse(err, n, "option '%s' wants a value: %s", word, m.row->wants);
        m.value = argv[++*i];
    }
    return args_take(m.row, a, m.value, err, n);
}

static int args_parse(const struct args_program *p, struct args *a, int argc, char **argv, char *err, size_t n)
{
    bool options = true;
    int ret = 0;

    a->operands = argv + 1;
    for (int i = 1; i < argc && ret == 0; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            ret = option_take(p, a, argc, argv, &i, err, n);
        else
            a->operands[a->n_operands++] = argv[i];
    }
    return ret;
}

int args_read(const struct args_program *p, struct args *a, int argc, char **argv)
{
    char err[512];

    if (args_parse(p, a, argc, argv, err, sizeof(err)) < 0)
        return args_wrong(p, "%s", err);
    if (a->help)
        args_usage(p, stdout);
    else if (a->version)
        printf("%s " XV_VERSION "\n", p->name);
    return a->help || a->version ? 0 : -1;
}

void args_usage(const struct args_program *p, FILE *out)
{
    fputs(p->synopsis, out);
    fputc('\n', out);
    for (unsigned i = 0; i < p->n_rows; i++) {
        const struct args_row *r = &p->rows[i];
        char head[64];

        snprintf(head, sizeof(head), "%c%c%s--%s %s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
            r->letter ? ", " : "  ", r->name, r->value != NULL ? r->value : "");
        fprintf(out, "  %-24s%s\n", head, r->help);
    }
    if (p->more != NULL)
        fprintf(out, "\n%s", p->more);
}

int args_wrong(const struct args_program *p, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s: ", p->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see %s --help\n", p->name);
    return EXIT_USAGE;
}

int args_complain(const char *program, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        fprintf(stderr, "%s: %.*s\n", program, (int)n, text);
        text += n + (text[n] == '\n');
    }
    return EXIT_USAGE;
}
