/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "ether.h"
#include "number.h"
#include "reader.h"

#define KEPTS_MAX 16u // entries of a list that is kept as one text
static_assert(KEPTS_MAX >= GUARD_ADDRESSES_MAX, "room for each");

int reader_fail(struct reader *r, const struct setting *s, const char *fmt, ...)
{
    char text[MISTAKE_TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mistake_add(r->mistakes, s->file, s->line, "%s", text);
    return -EINVAL;
}

static int fail_value(struct reader *r, const struct setting *s, const struct option *o, const char *is)
{
    char allowed[256];

    option_allowed(o, allowed, sizeof(allowed));
    return reader_fail(r, s, "%s is %s; allowed: %s", o->path, is, allowed);
}

static int read_number(struct reader *r, const struct setting *s, const struct option *o, void *field)
{
    char is[64];

    if (s->type != SETTING_NUMBER)
        return fail_value(r, s, o, setting_kind(s));
    if (s->huge)
        snprintf(is, sizeof(is), "%.60s", s->text);
    else
        snprintf(is, sizeof(is), "%lld", (long long)s->number);
    if (s->huge || s->number < o->min || s->number > o->max ||
        (o->type == OPTION_POWER && (s->number & (s->number - 1)) != 0))
        return fail_value(r, s, o, is);
    *(uint32_t *)field = (uint32_t)s->number; // INT, UINT, HEX and POWER have the same size
    return 0;
}

static int read_text(struct reader *r, const struct setting *s, const struct option *o, char *field)
{
    char is[CONF_TEXT_BYTES + 8];

    if (s->type != SETTING_STRING)
        return fail_value(r, s, o, setting_kind(s));
    snprintf(is, sizeof(is), "\"%s\"", s->text);
    if (strlen(s->text) > (size_t)o->max || !o->text_ok(s->text))
        return fail_value(r, s, o, is);
    strcpy(field, s->text);
    return 0;
}

// Keep a text. 0 is nobody's place, and a text that is there already is not kept twice.
static int text_keep(struct reader *r, const struct setting *s, const char *text, uint16_t *field)
{
    struct conf *c = r->c;
    size_t n = strlen(text) + 1;
    uint32_t at = 1;

    while (at < c->n_kept && strcmp(c->kept + at, text) != 0)
        at += (uint32_t)strlen(c->kept + at) + 1;
    if (at >= c->n_kept && n > CONF_KEPT_BYTES - at)
        return reader_fail(r, s, "too many long texts; at most %u bytes of them have room", CONF_KEPT_BYTES);
    if (at >= c->n_kept) {
        memcpy(c->kept + at, text, n);
        c->n_kept = at + (uint32_t)n;
    }
    *field = (uint16_t)at;
    return 0;
}

static int read_kept(struct reader *r, const struct setting *s, const struct option *o, uint16_t *field)
{
    char text[CONF_TEXT_BYTES];
    int ret = read_text(r, s, o, text);

    return ret < 0 ? ret : text_keep(r, s, text, field);
}

static int read_word(struct reader *r, const struct setting *s, const struct option *o, uint32_t *field)
{
    char is[64];

    if (s->type != SETTING_STRING)
        return fail_value(r, s, o, setting_kind(s));
    for (uint32_t i = 0; o->words[i] != NULL; i++) {
        if (strcmp(s->text, o->words[i]) == 0) {
            *field = (uint32_t)o->min + i;
            return 0;
        }
    }
    snprintf(is, sizeof(is), "\"%.60s\"", s->text);
    return fail_value(r, s, o, is);
}

// A MAC; where `first` is set perhaps only the bits that it begins with.
static int read_mac(struct reader *r, const struct setting *s, const struct option *o, bool first, struct conf_mac *m)
{
    char text[24] = "", is[CONF_TEXT_BYTES + 8];
    size_t n = s->type == SETTING_STRING ? strcspn(s->text, "/") : 0;
    uint32_t bits = 48;

    if (s->type != SETTING_STRING)
        return fail_value(r, s, o, setting_kind(s));
    snprintf(is, sizeof(is), "\"%.100s\"", s->text);
    snprintf(text, sizeof(text), "%.*s", (int)n, s->text);
    if (n >= sizeof(text) || number_mac(text, m->mac) < 0 || (s->text[n] != '\0' && !first) ||
        (s->text[n] != '\0' && number_parse(s->text + n + 1, 10, 48, &bits) < 0) || bits == 0)
        return fail_value(r, s, o, is);
    if (!first && !mac_is_usable(m->mac))
        return fail_value(r, s, o, is);
    m->bits = (uint8_t)bits;
    return 0;
}

// Entry i of a list of texts or of MACs.
static int read_entry(struct reader *r, const struct setting *e, const struct option *o, void *base, uint32_t i)
{
    struct conf_mac *macs = (struct conf_mac *)((char *)base + o->offset);

    if (e->type == SETTING_BROKEN)
        return -EINVAL;
    return o->type == OPTION_MACS ? read_mac(r, e, o, true, &macs[i]) : read_text(r, e, o, option_text(o, base, i));
}

static int check_entries(struct reader *r, const struct setting *s, const struct option *o)
{
    if (s->type != SETTING_ARRAY && s->type != SETTING_LIST)
        return fail_value(r, s, o, setting_kind(s));
    if (s->n > o->most)
        return reader_fail(r, s, "%s has %u entries; allowed: at most %u", o->path, s->n, o->most);
    return 0;
}

// A list of texts that is kept as one. None of them has a comma.
static int read_kepts(struct reader *r, const struct setting *s, const struct option *o, uint16_t *field)
{
    char all[KEPTS_MAX * CONF_TEXT_BYTES] = "", text[CONF_TEXT_BYTES];
    int ret = check_entries(r, s, o);
    size_t n = 0;

    if (ret < 0)
        return ret;
    for (const struct setting *e = s->first; e != NULL; e = e->next) {
        if (e->type == SETTING_BROKEN || read_text(r, e, o, text) < 0)
            ret = -EINVAL;
        else
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? "," : "", text);
    }
    return ret < 0 ? ret : text_keep(r, s, all, field);
}

static int read_entries(struct reader *r, const struct setting *s, const struct option *o, void *base)
{
    uint32_t i = 0;
    int ret = check_entries(r, s, o);

    if (ret < 0)
        return ret;
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        if (read_entry(r, e, o, base, i) < 0)
            ret = -EINVAL;
    }
    *option_count(o, base) = s->n;
    return ret;
}

int reader_value(struct reader *r, const struct setting *s, const struct option *o, void *base)
{
    void *field = (char *)base + o->offset;

    switch (o->type) {
    case OPTION_UINT:
    case OPTION_HEX:
    case OPTION_POWER:
    case OPTION_INT:
        return read_number(r, s, o, field);
    case OPTION_BOOL:
    case OPTION_MAYBE:
        if (s->type != SETTING_BOOL)
            return fail_value(r, s, o, setting_kind(s));
        *(int8_t *)field = s->number != 0;
        return 0;
    case OPTION_TEXT:
        return read_text(r, s, o, field);
    case OPTION_KEPT:
        return read_kept(r, s, o, field);
    case OPTION_KEPTS:
        return read_kepts(r, s, o, field);
    case OPTION_WORD:
        return read_word(r, s, o, field);
    case OPTION_MAC:
        return read_mac(r, s, o, false, field);
    case OPTION_TEXTS:
    case OPTION_MACS:
        return read_entries(r, s, o, base);
    case OPTION_GUESTS: // lists of groups are read.c's
    case OPTION_VIFS:
    case OPTION_UPLINKS:
        break;
    }
    return -EINVAL;
}
