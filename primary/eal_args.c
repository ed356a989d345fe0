/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eal_args.h"
#include "eal_option.h"

int eal_args_add(struct eal_args *e, const char *word)
{
    if (e->n_words == EAL_WORDS_MAX)
        return -E2BIG;
    e->words[e->n_words++] = (char *)(uintptr_t)word; // EAL permutes the pointers, not the text
    return 0;
}

int __attribute__((format(printf, 2, 3))) eal_args_format(struct eal_args *e, const char *fmt, ...)
{
    char *at = e->text + e->n_text;
    size_t room = sizeof(e->text) - e->n_text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room)
        return -E2BIG;
    e->n_text += (size_t)n + 1;
    return eal_args_add(e, at);
}

bool eal_args_is(const char *w, const char *name, char letter, const char **value)
{
    size_t len = strlen(name);

    *value = NULL;
    if (len > 0 && strncmp(w, "--", 2) == 0 && strncmp(w + 2, name, len) == 0 &&
        (w[2 + len] == '=' || w[2 + len] == '\0'))
        *value = w[2 + len] == '=' ? w + 2 + len + 1 : NULL;
    else if (letter != 0 && w[0] == '-' && w[1] == letter)
        *value = w[2] != '\0' ? w + 2 : NULL;
    else
        return false;
    return true;
}

bool eal_args_pair(const struct eal_args *e, uint32_t i)
{
    struct eal_option o;

    eal_option_find(e->words[i], &o);
    return o.takes == EAL_TAKES_VALUE && o.attached == NULL && i + 1 < e->n_words;
}

const char *eal_args_value(const struct eal_args *e, const char *name, char letter, uint32_t i)
{
    for (uint32_t at = 1; at < e->n_words; at += eal_args_pair(e, at) ? 2 : 1) {
        const char *value;

        if (!eal_args_is(e->words[at], name, letter, &value) || i-- > 0)
            continue;
        return value != NULL ? value : eal_args_pair(e, at) ? e->words[at + 1] : "";
    }
    return NULL;
}

uint32_t eal_args_count(const struct eal_args *e, const char *name, char letter)
{
    uint32_t n = 0;

    while (eal_args_value(e, name, letter, n) != NULL)
        n++;
    return n;
}

const char *eal_args_last(const struct eal_args *e, const char *name, char letter)
{
    uint32_t n = eal_args_count(e, name, letter);

    return n > 0 ? eal_args_value(e, name, letter, n - 1) : NULL;
}

bool eal_args_vdev(const struct eal_args *e, uint32_t i, char *name, size_t n)
{
    const char *value = eal_args_value(e, "vdev", 0, i);

    if (value != NULL)
        snprintf(name, n, "%.*s", (int)strcspn(value, ","), value);
    return value != NULL;
}

const char *eal_args_pci(const struct eal_args *e, uint32_t i)
{
    return eal_args_value(e, "allow", 'a', i);
}

void __attribute__((format(printf, 2, 3))) eal_args_wrong(struct eal_args *e, const char *fmt, ...)
{
    size_t at = strlen(e->wrong);
    va_list ap;

    if (at + 2 > sizeof(e->wrong))
        return;
    if (at > 0)
        strcpy(e->wrong + at++, "\n");
    va_start(ap, fmt);
    vsnprintf(e->wrong + at, sizeof(e->wrong) - at, fmt, ap);
    va_end(ap);
}
