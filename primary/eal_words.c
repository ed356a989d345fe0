/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "eal_option.h"
#include "eal_words.h"

static int word_add(struct eal_words *w, const char *word)
{
    if (w->n == EAL_WORDS_MAX)
        return -E2BIG;
    w->words[w->n++] = word;
    return 0;
}

// --fi=x becomes --file-prefix=x; a name that is whole stays as it is.
static int option_add(struct eal_words *w, const struct eal_option *o, const char *word)
{
    char *at = w->text + w->n_text;
    size_t room = sizeof(w->text) - w->n_text;
    int n;

    if (word[1] != '-' || strcspn(word, "=") == strlen(o->full))
        return word_add(w, word);
    n = o->attached == NULL ? snprintf(at, room, "%s", o->full) : snprintf(at, room, "%s=%s", o->full, o->attached);
    if (n < 0 || (size_t)n >= room)
        return -E2BIG;
    w->n_text += (size_t)n + 1;
    return word_add(w, at);
}

static void note_add(struct eal_words *w, const struct eal_option *o)
{
    size_t at = strlen(w->notes);

    snprintf(w->notes + at, sizeof(w->notes) - at, "%s%s is left out: %s", at > 0 ? "\n" : "", o->full, o->why);
}

int eal_words_take(struct eal_words *w, const char *word, const char *next, char *err, size_t n)
{
    struct eal_option o;
    bool two;
    int ret;

    if (word[0] != '-' || word[1] == '\0')
        return args_refuse(err, n, "'%.64s' belongs to no option", word);
    eal_option_find(word, &o);
    if (o.kind == EAL_UNKNOWN)
        return args_refuse(err, n, "unknown option '%.64s'", word);
    if (o.kind == EAL_AMBIGUOUS)
        return args_refuse(err, n, "option '%.64s' is ambiguous: %s", word, o.why);
    if (o.kind == EAL_REFUSED)
        return args_refuse(err, n, "option '%s' is refused: %s", o.full, o.why);
    if (o.takes == EAL_TAKES_NOTHING && o.attached != NULL)
        return args_refuse(err, n, "option '%s' takes no value", o.full);
    two = o.takes == EAL_TAKES_VALUE && o.attached == NULL;
    if (two && next == NULL)
        return args_refuse(err, n, "option '%s' wants a value", o.full);
    if (o.kind == EAL_LEFT_OUT) {
        note_add(w, &o);
        return two ? 2 : 1;
    }
    ret = option_add(w, &o, word);
    if (ret == 0 && two)
        ret = word_add(w, next);
    return ret < 0 ? args_refuse(err, n, "too many or too long EAL arguments, from '%.64s' on", word) : two ? 2 : 1;
}
