/* SPDX-License-Identifier: BSD-3-Clause */
// token.c: libconfig's syntax, read by ourselves: libconfig cuts numbers to 32 bits before anybody sees them, ends at the
// first mistake, and says of a missing brace only where the file ends.
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "token.h"

#define FILE_BYTES_MAX (1u << 20)
#define INCLUDES_MAX 10u

struct token_source {
    char *text; // ends with a 0
    const char *at;
    const char *file;
    unsigned line;
    struct token_source *outer;
};

struct token_file {
    struct token_file *next;
    char name[];
};

static const char *file_keep(struct tokens *t, const char *name)
{
    struct token_file *f = malloc(sizeof(*f) + strlen(name) + 1);

    if (f == NULL)
        return "?";
    strcpy(f->name, name);
    f->next = t->files;
    t->files = f;
    return f->name;
}

// Read f to its end, with a 0 behind it. Returns its bytes or -errno.
static long text_read(FILE *f, char **text)
{
    size_t n = 0, room = 0;
    char *more;

    do {
        room = room == 0 ? 4096 : 2 * room;
        more = realloc(*text, room + 1);
        if (more == NULL)
            return -ENOMEM;
        *text = more;
        n += fread(*text + n, 1, room - n, f);
    } while (n == room && room < FILE_BYTES_MAX);
    (*text)[n] = '\0';
    if (ferror(f))
        return errno != 0 ? -errno : -EIO;
    return n == room ? -EFBIG : (long)n;
}

static long file_read(const char *name, char **text)
{
    FILE *f = fopen(name, "re");
    long n;

    *text = NULL;
    if (f == NULL)
        return -errno;
    errno = 0;
    n = text_read(f, text);
    fclose(f);
    if (n < 0)
        free(*text);
    return n;
}

static int source_open(struct tokens *t, const char *name)
{
    struct token_source *s = calloc(1, sizeof(*s));
    long n = s == NULL ? -ENOMEM : file_read(name, &s->text);

    if (n < 0) {
        free(s);
        return (int)n;
    }
    s->at = s->text;
    s->file = file_keep(t, name);
    s->line = 1;
    s->outer = t->source;
    t->source = s;
    t->depth++;
    if (strlen(s->text) != (size_t)n) // read up to there
        mistake_add(t->mistakes, s->file, 0, "a byte of value 0 in it: this is no text");
    return 0;
}

static void source_close(struct tokens *t)
{
    struct token_source *s = t->source;

    t->source = s->outer;
    t->depth--;
    free(s->text);
    free(s);
}

static void __attribute__((format(printf, 2, 3))) wrong(struct tokens *t, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mistake_add(t->mistakes, t->source->file, t->source->line, "syntax error: %s", text);
}

// ---- blanks, comments and includes

static void line_skip(struct token_source *s)
{
    s->at += strcspn(s->at, "\n");
}

static void comment_skip(struct tokens *t)
{
    struct token_source *s = t->source;
    const char *end = strstr(s->at + 2, "*/");

    if (end == NULL)
        wrong(t, "the comment /* that begins here is not closed by */");
    for (end = end != NULL ? end + 2 : s->at + strlen(s->at); s->at < end; s->at++)
        s->line += *s->at == '\n';
}

// A name is relative to the directory of the file that includes it.
static void include_path(char *path, size_t n, const char *from, const char *name, int len)
{
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%s", from);
    if (name[0] == '/')
        snprintf(path, n, "%.*s", len, name);
    else
        snprintf(path, n, "%s/%.*s", dirname(dir), len, name);
}

static void include(struct tokens *t)
{
    struct token_source *s = t->source;
    const char *from = s->at + strlen("@include");
    char path[2 * PATH_MAX];
    size_t len;
    int ret;

    from += strspn(from, " \t");
    len = strcspn(from + (*from == '"'), "\"\n");
    if (*from != '"' || from[1 + len] != '"' || len == 0 || len >= PATH_MAX) {
        wrong(t, "@include wants a file's name in quotes behind it");
        line_skip(s);
        return;
    }
    s->at = from + len + 2;
    include_path(path, sizeof(path), s->file, from + 1, (int)len);
    ret = t->depth > INCLUDES_MAX ? -ELOOP : source_open(t, path);
    if (ret == -ELOOP)
        wrong(t, "can't include %.*s: more than %u files deep; does it include itself?", (int)len, from + 1,
            INCLUDES_MAX);
    else if (ret < 0)
        wrong(t, "can't include %s: %s", path, strerror(-ret));
}

// Skip what isn't a token. Returns false at the end of all.
static bool blanks_skip(struct tokens *t)
{
    while (t->source != NULL) {
        struct token_source *s = t->source;

        if (*s->at == '\0') {
            if (s->outer == NULL)
                return false;
            source_close(t);
        } else if (isspace((unsigned char)*s->at)) {
            s->line += *s->at++ == '\n';
        } else if (*s->at == '#' || strncmp(s->at, "//", 2) == 0) {
            line_skip(s);
        } else if (strncmp(s->at, "/*", 2) == 0) {
            comment_skip(t);
        } else if (strncmp(s->at, "@include", 8) == 0) {
            include(t);
        } else {
            return true;
        }
    }
    return false;
}

// ---- tokens

static void text_add(struct tokens *t, const char *from, size_t n)
{
    struct token *now = &t->now;

    if (n < sizeof(now->text) - now->n_text) {
        memcpy(now->text + now->n_text, from, n);
        now->n_text += n;
        now->text[now->n_text] = '\0';
    } else if (now->type != TOKEN_BROKEN) {
        wrong(t, "more than %u bytes in one piece", TOKEN_TEXT_BYTES - 1);
        now->type = TOKEN_BROKEN;
    }
}

// "\n" and the like; "\x" with two digits. Any other backslash stands for itself. Returns how many bytes it took.
static size_t escape(struct tokens *t, const char *at)
{
    static const char from[] = "nrtfabv\\\"", to[] = "\n\r\t\f\a\b\v\\\"";
    const char *known = at[1] != '\0' ? strchr(from, at[1]) : NULL;
    char hex[3] = "", c;

    if (known != NULL) {
        text_add(t, &to[known - from], 1);
        return 2;
    }
    if (at[1] != 'x' || !isxdigit((unsigned char)at[2]) || !isxdigit((unsigned char)at[3])) {
        text_add(t, at, 1);
        return 1;
    }
    memcpy(hex, at + 2, 2);
    c = (char)strtoul(hex, NULL, 16);
    text_add(t, &c, 1);
    if (c == '\0') {
        wrong(t, "\\x00 can't be in a string");
        t->now.type = TOKEN_BROKEN;
    }
    return 4;
}

static void string(struct tokens *t)
{
    struct token_source *s = t->source;
    const char *begin = ++s->at;

    while (*s->at != '"') {
        if (*s->at == '\n' || *s->at == '\0') {
            wrong(t, "the string that begins with %.*s has no closing quote in its line", (int)strcspn(begin, "\n;"),
                begin);
            t->now.type = TOKEN_BROKEN;
            return;
        }
        if (*s->at == '\\') {
            s->at += escape(t, s->at);
        } else {
            text_add(t, s->at, 1);
            s->at++;
        }
    }
    s->at++;
}

// Strings that follow each other are one.
static void strings(struct tokens *t)
{
    t->now.type = TOKEN_STRING;
    do
        string(t);
    while (t->now.type == TOKEN_STRING && blanks_skip(t) && *t->source->at == '"');
}

// How far what looks like a number goes: a sign, digits, letters, a point, an exponent's sign.
static size_t number_span(const char *at)
{
    bool hex = strncasecmp(at, "0x", 2) == 0;
    size_t n = 1;

    while (isalnum((unsigned char)at[n]) || at[n] == '.' ||
           (!hex && (at[n] == '-' || at[n] == '+') && strchr("eE", at[n - 1]) != NULL))
        n++;
    return n;
}

// What stands behind an integer's digits.
static bool suffix_ok(const char *end)
{
    return *end == '\0' || strcmp(end, "L") == 0 || strcmp(end, "LL") == 0;
}

static void number(struct tokens *t)
{
    struct token *now = &t->now;
    const char *digits;
    bool hex;
    char *end;

    text_add(t, t->source->at, number_span(t->source->at));
    t->source->at += now->n_text;
    digits = now->text + (now->text[0] == '-' || now->text[0] == '+');
    hex = strncasecmp(now->text, "0x", 2) == 0;
    now->type = TOKEN_NUMBER;
    errno = 0;
    now->number = hex ? (int64_t)strtoull(digits + 2, &end, 16) : strtoll(now->text, &end, 10);
    now->huge = errno == ERANGE || (hex && now->number < 0);
    if ((isdigit((unsigned char)digits[0]) && (!hex || isxdigit((unsigned char)digits[2]))) && suffix_ok(end))
        return;
    strtod(now->text, &end);
    now->type = !hex && *end == '\0' ? TOKEN_FLOAT : TOKEN_BROKEN;
    if (now->type == TOKEN_BROKEN)
        wrong(t, "%.40s is no number", now->text);
}

static void word(struct tokens *t)
{
    struct token *now = &t->now;
    size_t n = 1;

    while (isalnum((unsigned char)t->source->at[n]) || (t->source->at[n] != '\0' && strchr("_-*", t->source->at[n])))
        n++;
    now->type = TOKEN_NAME;
    text_add(t, t->source->at, n);
    t->source->at += n;
    if (strcasecmp(now->text, "true") == 0 || strcasecmp(now->text, "false") == 0) {
        now->type = TOKEN_BOOL;
        now->number = strcasecmp(now->text, "true") == 0;
    }
}

static void other(struct tokens *t)
{
    char c = *t->source->at++;

    if (strchr("=:;,{}()[]", c) != NULL) {
        t->now.type = TOKEN_MARK;
        t->now.mark = c;
        return;
    }
    t->now.type = TOKEN_BROKEN;
    if (isprint((unsigned char)c))
        wrong(t, "'%c' means nothing here; texts are written in \"quotes\"", c);
    else
        wrong(t, "a byte of value 0x%02x means nothing here", (unsigned char)c);
}

void token_next(struct tokens *t)
{
    bool more;
    char c;

    t->now.type = TOKEN_END;
    t->now.n_text = 0;
    t->now.text[0] = '\0';
    if (t->source == NULL)
        return;
    more = blanks_skip(t);
    t->now.file = t->source->file;
    t->now.line = t->source->line;
    if (!more)
        return;
    c = *t->source->at;
    if (c == '"')
        strings(t);
    else if (isdigit((unsigned char)c) || (strchr("+-.", c) != NULL && strspn(t->source->at + 1, "0123456789.") > 0))
        number(t);
    else if (isalpha((unsigned char)c) || c == '*' || c == '_')
        word(t);
    else
        other(t);
}

bool token_is(const struct tokens *t, char mark)
{
    return t->now.type == TOKEN_MARK && t->now.mark == mark;
}

int tokens_open(struct tokens *t, const char *file, struct mistakes *mistakes)
{
    int ret;

    *t = (struct tokens){ .mistakes = mistakes };
    ret = source_open(t, file);
    if (ret < 0) {
        mistake_add(mistakes, file, 0, "%s", strerror(-ret));
        return ret;
    }
    t->now.file = t->source->file;
    token_next(t);
    return 0;
}

void tokens_close(struct tokens *t)
{
    while (t->source != NULL)
        source_close(t);
    while (t->files != NULL) {
        struct token_file *next = t->files->next;

        free(t->files);
        t->files = next;
    }
}
