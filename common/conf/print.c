/* SPDX-License-Identifier: BSD-3-Clause */
// print.c: the configuration in its file's own syntax, and the table of its options.
#include <string.h>

#include "conf.h"
#include "ether.h"
#include "option.h"

static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\x%02x", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static bool is_said(const struct option *o, const void *base)
{
    const void *field = (const char *)base + o->offset;

    switch (o->type) {
    case OPTION_INT:
        return *(const int32_t *)field >= 0;
    case OPTION_MAYBE:
        return *(const int8_t *)field >= 0;
    case OPTION_MAC:
        return ((const struct conf_mac *)field)->bits != 0;
    case OPTION_MACS:
        return o->of == OPTION_OF_CONF || *option_count(o, base) > 0;
    case OPTION_TEXT:
        return o->of == OPTION_OF_CONF || *(const char *)field != '\0';
    case OPTION_KEPTS:
        return *(const uint16_t *)field != 0;
    case OPTION_KEPT:
        return o->of == OPTION_OF_CONF || *(const uint16_t *)field != 0;
    default:
        return true;
    }
}

static void print_texts(FILE *out, const struct option *o, const void *base)
{
    fputc('[', out);
    for (uint32_t i = 0; i < *option_count(o, base); i++) {
        fputs(i == 0 ? " " : ", ", out);
        print_text(out, option_text(o, base, i));
    }
    fputs(" ]", out);
}

static void print_kepts(FILE *out, const char *texts)
{
    fputc('[', out);
    for (const char *sep = " "; *texts != '\0'; sep = ", ") {
        int n = (int)strcspn(texts, ",");

        fprintf(out, "%s\"%.*s\"", sep, n, texts);
        texts += texts[n] == ',' ? n + 1 : n;
    }
    fputs(" ]", out);
}

static void print_mac(FILE *out, const struct conf_mac *m)
{
    fprintf(out, "\"" MAC_FMT, MAC_BYTES(m->mac));
    if (m->bits < 48)
        fprintf(out, "/%u", m->bits);
    fputc('"', out);
}

static void print_macs(FILE *out, const struct conf_mac *macs, uint32_t n)
{
    fputc('[', out);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i == 0 ? " " : ", ", out);
        print_mac(out, &macs[i]);
    }
    fputs(" ]", out);
}

static void print_struct(FILE *out, const struct conf *c, enum option_of of, const void *base, const char *indent);

// A list of n groups of `bytes` each, in a group whose closing bracket is indented by depth columns.
static void print_list(
    FILE *out, const struct conf *c, enum option_of of, const void *groups, size_t bytes, uint32_t n, int depth)
{
    char indent[32];

    snprintf(indent, sizeof(indent), "%*s", depth + 8, "");
    fputs("(", out);
    for (uint32_t i = 0; i < n; i++) {
        fprintf(out, "%s\n%*s{\n", i == 0 ? "" : ",", depth + 4, "");
        print_struct(out, c, of, (const char *)groups + i * bytes, indent);
        fprintf(out, "%*s}", depth + 4, "");
    }
    if (n > 0)
        fprintf(out, "\n%*s)", depth, "");
    else
        fputs(" )", out);
}

static void print_guests(FILE *out, const struct conf *c)
{
    print_list(out, c, OPTION_OF_GUEST, c->guests, sizeof(c->guests[0]), c->n_guests, 0);
}

static void print_vifs(FILE *out, const struct conf *c, const struct conf_guest *g)
{
    print_list(out, c, OPTION_OF_VIF, g->vifs, sizeof(g->vifs[0]), g->n_vifs, 8);
}

static void print_uplinks(FILE *out, const struct conf *c)
{
    print_list(out, c, OPTION_OF_UPLINK, c->uplinks, sizeof(c->uplinks[0]), c->n_uplinks, 0);
}

static void print_value(FILE *out, const struct conf *c, const struct option *o, const void *base)
{
    const void *field = (const char *)base + o->offset;

    switch (o->type) {
    case OPTION_UINT:
    case OPTION_POWER:
    case OPTION_INT:
        fprintf(out, "%u", *(const uint32_t *)field);
        break;
    case OPTION_HEX:
        fprintf(out, "0x%x", *(const uint32_t *)field);
        break;
    case OPTION_BOOL:
    case OPTION_MAYBE:
        fputs(*(const int8_t *)field != 0 ? "true" : "false", out);
        break;
    case OPTION_TEXT:
        print_text(out, field);
        break;
    case OPTION_KEPT:
        print_text(out, *(const uint16_t *)field != 0 ? conf_kept(c, *(const uint16_t *)field) : o->text);
        break;
    case OPTION_KEPTS:
        print_kepts(out, conf_kept(c, *(const uint16_t *)field));
        break;
    case OPTION_WORD:
        print_text(out, o->words[*(const uint32_t *)field - o->min]);
        break;
    case OPTION_TEXTS:
        print_texts(out, o, base);
        break;
    case OPTION_MAC:
        print_mac(out, field);
        break;
    case OPTION_MACS:
        print_macs(out, field, *option_count(o, base));
        break;
    case OPTION_GUESTS:
        print_guests(out, c);
        break;
    case OPTION_VIFS:
        print_vifs(out, c, base);
        break;
    case OPTION_UPLINKS:
        print_uplinks(out, c);
        break;
    }
}

// Print the options of one struct; those of a group of struct conf stand together in the table.
static void print_struct(FILE *out, const struct conf *c, enum option_of of, const void *base, const char *indent)
{
    const struct option *o;
    const char *group = "";
    size_t len = 0;

    for (unsigned i = 0; (o = option_at(i)) != NULL; i++) {
        const char *name = strrchr(o->path, '.');
        size_t at = name == NULL ? 0 : (size_t)(name - o->path);

        if (o->of != of || !is_said(o, base))
            continue;
        if (of == OPTION_OF_CONF && (at != len || strncmp(o->path, group, at) != 0)) {
            if (len > 0)
                fputs("};\n", out);
            group = o->path;
            len = at;
            if (len > 0)
                fprintf(out, "%.*s: {\n", (int)len, group);
        }
        fprintf(
            out, "%s%s%s = ", indent, of == OPTION_OF_CONF && len > 0 ? "    " : "", name == NULL ? o->path : name + 1);
        print_value(out, c, o, base);
        fputs(";\n", out);
    }
}

void conf_print(const struct conf *c, FILE *out)
{
    print_struct(out, c, OPTION_OF_CONF, c, "");
}

static void print_default(FILE *out, const struct option *o)
{
    switch (o->type) {
    case OPTION_UINT:
    case OPTION_POWER:
    case OPTION_INT:
        // -1, and 0 where that is out of range: there is no value that the option has by itself.
        if (o->def < o->min)
            fputs("none", out);
        else
            fprintf(out, "%lld", (long long)o->def);
        break;
    case OPTION_HEX:
        fprintf(out, "0x%llx", (long long)o->def);
        break;
    case OPTION_BOOL:
        fputs(o->def != 0 ? "true" : "false", out);
        break;
    case OPTION_KEPT:
    case OPTION_TEXT:
        if (o->of != OPTION_OF_CONF)
            fputs("none", out);
        else
            print_text(out, o->text);
        break;
    case OPTION_WORD:
        print_text(out, o->words[o->def - o->min]);
        break;
    case OPTION_MAYBE:
    case OPTION_TEXTS:
    case OPTION_KEPTS:
    case OPTION_MAC:
    case OPTION_MACS:
    case OPTION_GUESTS:
    case OPTION_VIFS:
    case OPTION_UPLINKS:
        fputs("none", out);
        break;
    }
}

void conf_describe(FILE *out)
{
    const struct option *o;

    for (unsigned i = 0; (o = option_at(i)) != NULL; i++) {
        char allowed[256];

        option_allowed(o, allowed, sizeof(allowed));
        fprintf(out, "| `%s` | ", o->path);
        print_default(out, o);
        fprintf(out, " | %s | %s |\n", allowed, o->about);
    }
}
