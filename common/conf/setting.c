/* SPDX-License-Identifier: BSD-3-Clause */
// setting.c: after a mistake reading goes on where the next setting seems to begin, so that one run says all of them.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setting.h"

#define DEPTH_MAX 16u

struct parser {
    struct tokens *tokens;
    struct mistakes *mistakes;
    unsigned depth;
    char closers[DEPTH_MAX + 1]; // of the brackets that are open, the innermost last
    bool ended; // a list was: a ; and a name stand in it
    bool failed; // no memory
};

static void members_parse(struct parser *p, struct setting *s);

static void __attribute__((format(printf, 2, 3))) wrong(struct parser *p, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mistake_add(p->mistakes, p->tokens->now.file, p->tokens->now.line, "syntax error: %s", text);
}

// The token in words.
static const char *found(const struct tokens *t)
{
    static char text[48];

    if (t->now.type == TOKEN_END)
        return "the end of the file";
    if (t->now.type == TOKEN_MARK)
        snprintf(text, sizeof(text), "%c", t->now.mark);
    else
        snprintf(text, sizeof(text), t->now.type == TOKEN_STRING ? "\"%.40s\"" : "%.40s", t->now.text);
    return text;
}

static struct setting *setting_new(struct parser *p, const char *name)
{
    struct setting *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->file = p->tokens->now.file;
        s->line = p->tokens->now.line;
        s->name = name != NULL ? strdup(name) : NULL;
    }
    if (s == NULL || (name != NULL && s->name == NULL))
        p->failed = true;
    return s;
}

static void setting_free(struct setting *s)
{
    while (s != NULL) {
        struct setting *next = s->next;

        setting_free(s->first);
        free(s->name);
        free(s->text);
        free(s);
        s = next;
    }
}

static void setting_append(struct setting *to, struct setting *s)
{
    struct setting **at = &to->first;

    while (*at != NULL)
        at = &(*at)->next;
    *at = s;
    to->n++;
}

static bool is_closer(const struct tokens *t)
{
    return t->now.type == TOKEN_MARK && strchr("})]", t->now.mark) != NULL;
}

// After a mistake in that line: to the end of the setting, as far as it can be told.
static void skip(struct parser *p, unsigned line)
{
    struct tokens *t = p->tokens;

    while (t->now.type != TOKEN_END && !is_closer(t) && !token_is(t, ';') && !token_is(t, ',') &&
           !(t->now.type == TOKEN_NAME && t->now.line != line))
        token_next(t);
}

static char closer_of(enum setting_type type)
{
    return type == SETTING_GROUP ? '}' : type == SETTING_LIST ? ')' : ']';
}

// The closing bracket. If it is another one that is open further out, ours was forgotten.
static void close_bracket(struct parser *p, struct setting *s)
{
    char closer = closer_of(s->type);

    p->ended = false;
    if (token_is(p->tokens, closer)) {
        token_next(p->tokens);
        return;
    }
    // Of what is open to the end of the file the reader says it: it knows which settings were meant for further out.
    s->open = p->tokens->now.type == TOKEN_END;
    if (!s->open)
        wrong(p, "%c is missing before %s: the %s that begins in line %u is not closed", closer, found(p->tokens),
            strchr(setting_kind(s), ' ') + 1, s->line);
}

static void bracket_parse(struct parser *p, struct setting *s, enum setting_type type)
{
    s->type = type;
    token_next(p->tokens);
    if (p->depth == DEPTH_MAX) {
        wrong(p, "more than %u brackets inside each other", DEPTH_MAX);
        s->type = SETTING_BROKEN;
        skip(p, p->tokens->now.line);
        return;
    }
    p->closers[p->depth++] = closer_of(type);
    members_parse(p, s);
    p->closers[--p->depth] = '\0';
    close_bracket(p, s);
}

static void scalar_parse(struct parser *p, struct setting *s, enum setting_type type)
{
    const struct token *now = &p->tokens->now;

    s->type = type;
    s->number = now->number;
    s->huge = now->huge;
    s->text = strdup(now->text);
    p->failed |= s->text == NULL;
    token_next(p->tokens);
}

// The value at the current token becomes that of s, which is broken if it is none.
static void value_parse(struct parser *p, struct setting *s)
{
    static const enum setting_type scalars[] = { [TOKEN_NUMBER] = SETTING_NUMBER,
        [TOKEN_FLOAT] = SETTING_FLOAT,
        [TOKEN_BOOL] = SETTING_BOOL,
        [TOKEN_STRING] = SETTING_STRING };
    struct tokens *t = p->tokens;
    unsigned line = s->name != NULL ? s->line : t->now.line;

    if (token_is(t, '{'))
        bracket_parse(p, s, SETTING_GROUP);
    else if (token_is(t, '('))
        bracket_parse(p, s, SETTING_LIST);
    else if (token_is(t, '['))
        bracket_parse(p, s, SETTING_ARRAY);
    else if (t->now.type == TOKEN_BROKEN)
        token_next(t);
    else if (t->now.type > TOKEN_NAME && t->now.type <= TOKEN_STRING)
        scalar_parse(p, s, scalars[t->now.type]);
    else if (t->now.type == TOKEN_NAME && (s->name == NULL || t->now.line == s->line))
        wrong(p, "%s is no value; texts are written in \"quotes\"", found(t));
    else
        wrong(p, "a value is missing before %s", found(t));
    if (s->type == SETTING_BROKEN)
        skip(p, line);
}

// Returns false at what doesn't begin a setting.
static bool named_parse(struct parser *p, struct setting *group)
{
    struct tokens *t = p->tokens;
    const struct setting *before;
    struct setting *s;

    if (t->now.type != TOKEN_NAME)
        return false;
    before = setting_member(group, t->now.text);
    if (before != NULL)
        mistake_add(p->mistakes, t->now.file, t->now.line, "%s is given twice (duplicate setting name), in line %u too",
            t->now.text, before->line);
    s = setting_new(p, t->now.text);
    if (s == NULL)
        return false;
    setting_append(group, s);
    token_next(t);
    if (token_is(t, '=') || token_is(t, ':')) {
        token_next(t);
        value_parse(p, s);
    } else if (token_is(t, '{') || token_is(t, '(') || token_is(t, '[')) {
        wrong(p, "= or : is missing between %s and %s", s->name, found(t));
        value_parse(p, s);
    } else {
        wrong(p, "= is missing behind %s, before %s", s->name, found(t));
        skip(p, s->line);
    }
    if (token_is(t, ';') || token_is(t, ','))
        token_next(t);
    return true;
}

static bool element_parse(struct parser *p, struct setting *list)
{
    struct tokens *t = p->tokens;
    struct setting *s;

    if (t->now.type == TOKEN_END || is_closer(t))
        return false;
    s = setting_new(p, NULL);
    if (s == NULL)
        return false;
    setting_append(list, s);
    value_parse(p, s);
    if (token_is(t, ',')) {
        token_next(t);
    } else if (token_is(t, ';')) {
        token_next(t);
        p->ended = t->now.type == TOKEN_NAME || t->now.type == TOKEN_END;
        if (!p->ended)
            wrong(p, "; is no , between two members of %s", setting_kind(list));
    } else if (t->now.type != TOKEN_END && !is_closer(t) && s->type != SETTING_BROKEN) {
        wrong(p, ", is missing before %s", found(t));
    }
    return !p->ended;
}

// Is it a closing bracket for which there is an open one?
static bool closes(const struct parser *p)
{
    return is_closer(p->tokens) && strchr(p->closers, p->tokens->now.mark) != NULL;
}

// Skip what has no meaning where it stands. A name after a ; can't be a list's any more.
static void strays_skip(struct parser *p, const struct setting *s)
{
    struct tokens *t = p->tokens;

    while (!closes(p) && (is_closer(t) || token_is(t, ';') || token_is(t, ','))) {
        bool end = token_is(t, ';');

        token_next(t);
        p->ended = s->type != SETTING_GROUP && end && t->now.type == TOKEN_NAME;
    }
}

// Members up to a closing bracket, ours or one further out, or the end. Brackets that close nothing are left out.
static void members_parse(struct parser *p, struct setting *s)
{
    struct tokens *t = p->tokens;

    while (!p->failed && !p->ended) {
        unsigned line = t->now.line;

        if (s->type == SETTING_GROUP ? named_parse(p, s) : element_parse(p, s))
            continue;
        if (p->ended || t->now.type == TOKEN_END || closes(p))
            return;
        if (is_closer(t))
            wrong(p, "%s closes nothing", found(t));
        else if (t->now.type != TOKEN_BROKEN && !token_is(t, ';'))
            wrong(p, "a name was expected before %s", found(t));
        if (!is_closer(t) && !token_is(t, ';')) {
            token_next(t);
            skip(p, line);
        }
        strays_skip(p, s);
    }
}

int settings_read(struct settings *s, const char *file, struct mistakes *mistakes)
{
    struct parser p = { .tokens = &s->tokens, .mistakes = mistakes };
    int ret = tokens_open(&s->tokens, file, mistakes);

    s->root = ret < 0 ? NULL : setting_new(&p, NULL);
    if (ret < 0)
        return ret;
    if (s->root != NULL) {
        s->root->type = SETTING_GROUP;
        members_parse(&p, s->root);
        s->lines = s->tokens.now.line;
    }
    if (!p.failed)
        return 0;
    mistake_add(mistakes, file, 0, "%s", strerror(ENOMEM));
    settings_free(s);
    return -ENOMEM;
}

void settings_free(struct settings *s)
{
    setting_free(s->root);
    tokens_close(&s->tokens);
}

const struct setting *setting_member(const struct setting *group, const char *name)
{
    for (const struct setting *s = group != NULL ? group->first : NULL; s != NULL; s = s->next) {
        if (s->name != NULL && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

const char *setting_kind(const struct setting *s)
{
    static const char *const kinds[] = { [SETTING_BROKEN] = "a mistake",
        [SETTING_NUMBER] = "a number",
        [SETTING_FLOAT] = "a number with a decimal point",
        [SETTING_BOOL] = "true or false",
        [SETTING_STRING] = "a string",
        [SETTING_ARRAY] = "an array",
        [SETTING_LIST] = "a list",
        [SETTING_GROUP] = "a group" };

    return kinds[s->type];
}
