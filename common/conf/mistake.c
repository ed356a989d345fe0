/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mistake.h"

void mistake_add(struct mistakes *m, const char *file, unsigned line, const char *fmt, ...)
{
    struct mistake *is;
    va_list ap;

    if (m->list == NULL)
        m->list = calloc(MISTAKES_MAX, sizeof(*m->list));
    if (m->n++ >= MISTAKES_MAX || m->list == NULL)
        return;
    is = &m->list[m->n - 1];
    is->file = strdup(file);
    is->line = line;
    va_start(ap, fmt);
    vsnprintf(is->text, sizeof(is->text), fmt, ap);
    va_end(ap);
}

static unsigned kept(const struct mistakes *m)
{
    return m->list == NULL ? 0 : m->n < MISTAKES_MAX ? m->n : MISTAKES_MAX;
}

static const char *file_of(const struct mistake *m)
{
    return m->file != NULL ? m->file : "?";
}

// Does b stand before a in the file that both are in?
static int later(const struct mistake *a, const struct mistake *b)
{
    return strcmp(file_of(a), file_of(b)) == 0 && a->line > b->line;
}

// What only the whole says is found last, but belongs to its line. By insertion: those of one line keep their order, and
// files the order in which they were read.
static void sort(struct mistake *list, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        struct mistake is = list[i];
        unsigned to = i;

        for (unsigned j = i; j-- > 0;)
            if (later(&list[j], &is))
                to = j;
        memmove(&list[to + 1], &list[to], (i - to) * sizeof(*list));
        list[to] = is;
    }
}

void mistakes_print(struct mistakes *m, char *text, size_t n)
{
    size_t at = 0;

    sort(m->list, kept(m));
    if (n > 0)
        text[0] = '\0';
    for (unsigned i = 0; i < kept(m) && at < n; i++) {
        const struct mistake *is = &m->list[i];
        const char *end = i > 0 ? "\n" : "";

        if (is->line > 0)
            at += (size_t)snprintf(text + at, n - at, "%s%s:%u: %s", end, file_of(is), is->line, is->text);
        else
            at += (size_t)snprintf(text + at, n - at, "%s%s: %s", end, file_of(is), is->text);
    }
    if (m->n > kept(m) && at < n)
        snprintf(text + at, n - at, "\nand %u more", m->n - kept(m));
}

void mistakes_free(struct mistakes *m)
{
    for (unsigned i = 0; i < kept(m); i++)
        free(m->list[i].file);
    free(m->list);
    *m = (struct mistakes){ 0 };
}
