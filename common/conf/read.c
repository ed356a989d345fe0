/* SPDX-License-Identifier: BSD-3-Clause */
// read.c: takes each setting of a file by the table in option.c.
//
// Reading has two passes. The first takes each setting by the table: known, right type, in range. The second, check.c,
// looks at what only the whole says: numbers and tags given twice, or outside the size of the switch. Neither ends at a
// mistake; what a mistake leaves open is not judged, so that each mistake is said once.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "option.h"
#include "reader.h"

// Returns 0 if s is a list of at most max entries, or what is wrong, said.
static int list_check(struct reader *r, const struct setting *s, const char *name, uint32_t max)
{
    if (s->type != SETTING_LIST)
        return reader_fail(
            r, s, "%s is %s; allowed: a list ( { ... }, ... ) of at most %u", name, setting_kind(s), max);
    if (s->n > max)
        return reader_fail(r, s, "%s has %u entries; allowed: at most %u", name, s->n, max);
    return 0;
}

// Returns true if an entry of a list is a group, which is to be read; says what else it is. first: one of its settings.
static bool entry_check(struct reader *r, const struct setting *e, const char *what, const char *first)
{
    if (e->type != SETTING_GROUP && e->type != SETTING_BROKEN)
        reader_fail(r, e, "%s is %s; allowed: a group { %s = ...; }", what, setting_kind(e), first);
    return e->type == SETTING_GROUP;
}

static int read_guests(struct reader *r, const struct setting *s);
static int read_vifs(struct reader *r, const struct setting *s, struct conf_guest *g);
static int read_uplinks(struct reader *r, const struct setting *s);

static int read_option(struct reader *r, const struct setting *s, const struct option *o, void *base)
{
    if (o->type == OPTION_GUESTS)
        return read_guests(r, s);
    if (o->type == OPTION_VIFS)
        return read_vifs(r, s, base);
    if (o->type == OPTION_UPLINKS)
        return read_uplinks(r, s);
    return reader_value(r, s, o, base);
}

static int fail_unknown(struct reader *r, const struct setting *s, const char *prefix)
{
    char known[512];

    option_names(prefix, known, sizeof(known));
    return reader_fail(r, s, "unknown option %s%s; known here: %s", prefix, s->name, known);
}

static bool is_known(const char *prefix, const char *name)
{
    return option_find(prefix, name) != NULL || option_is_group(prefix, name);
}

// The first setting in an open group that belongs outside, before which its bracket is missing. NULL if none does.
static const struct setting *stray_find(const struct setting *group, const char *prefix)
{
    for (const struct setting *s = group->first; group->open && prefix[0] != '\0' && s != NULL; s = s->next) {
        if (!is_known(prefix, s->name) && is_known("", s->name))
            return s;
    }
    return NULL;
}

static void fail_open(struct reader *r, const struct setting *s, const struct setting *stray)
{
    const char *kind = strchr(setting_kind(s), ' ') + 1;
    char closer = s->type == SETTING_GROUP ? '}' : s->type == SETTING_LIST ? ')' : ']';
    char before[96];

    if (stray != NULL)
        snprintf(before, sizeof(before), "perhaps before %.32s in line %u", stray->name, stray->line);
    else
        snprintf(before, sizeof(before), "up to the end of the file");
    reader_fail(r, s,
        "syntax error: %s%sthe %s that begins in line %u is not closed: %c is missing, %s (the end is line %u)",
        s->name != NULL ? s->name : "", s->name != NULL ? ": " : "", kind, s->line, closer, before, r->lines);
}

static int read_setting(struct reader *r, const struct setting *s, const char *prefix, void *base);

// Take the settings of a group; prefix is the path of the group with its dot, or "". Returns 0, or -EINVAL after it was said.
static int read_group(struct reader *r, const struct setting *group, const char *prefix, void *base)
{
    const struct setting *stray = stray_find(group, prefix);
    int ret = 0;

    if (group->open)
        fail_open(r, group, stray);
    // What follows the stray one is of the group outside too.
    for (const struct setting *s = group->first; s != stray; s = s->next) {
        if (read_setting(r, s, prefix, base) < 0)
            ret = -EINVAL;
    }
    return ret;
}

// The size of the switch: what check_whole() goes by.
static bool is_size(const struct option *o)
{
    static const char *const sizes[] = { "max_vifs", "max_guests", "vlan_base", "worker.spares" };

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(o->path, sizes[i]) == 0)
            return true;
    }
    return false;
}

static int read_setting(struct reader *r, const struct setting *s, const char *prefix, void *base)
{
    const struct option *o = option_find(prefix, s->name);
    char path[CONF_TEXT_BYTES];
    int ret;

    if (o == NULL && (strlen(s->name) > 32 || !option_is_group(prefix, s->name)))
        return fail_unknown(r, s, prefix);
    if (o != NULL && s->type != SETTING_BROKEN && s->open)
        fail_open(r, s, NULL);
    ret = s->type == SETTING_BROKEN ? -EINVAL : o != NULL ? read_option(r, s, o, base) : 0;
    if (o != NULL) {
        r->size_open |= ret < 0 && is_size(o);
        return ret;
    }
    if (s->type == SETTING_BROKEN)
        return ret;
    if (s->type != SETTING_GROUP)
        return reader_fail(r, s, "%s is %s; allowed: a group { ... }", s->name, setting_kind(s));
    snprintf(path, sizeof(path), "%s%s.", prefix, s->name);
    return read_group(r, s, path, base);
}

static int read_vifs(struct reader *r, const struct setting *s, struct conf_guest *g)
{
    uint32_t i = 0;
    int ret = list_check(r, s, "guests.vifs", CONF_GUEST_VIFS_MAX);

    if (ret < 0)
        return ret;
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_VIF, &g->vifs[i]);
        g->vifs[i].device = UINT32_MAX - i; // nobody's, until it is read
        if (!entry_check(r, e, "a vif", "device"))
            continue;
        read_group(r, e, "guests.vifs.", &g->vifs[i]);
        check_vif(r, e, g, i);
    }
    g->n_vifs = s->n;
    return 0; // what is wrong was said
}

static int read_guests(struct reader *r, const struct setting *s)
{
    uint32_t i = 0;
    int ret = list_check(r, s, "guests", CONF_GUESTS_MAX);

    if (ret < 0)
        return ret;
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_GUEST, &r->c->guests[i]);
        if (!entry_check(r, e, "a guest", "domid"))
            continue;
        read_group(r, e, "guests.", &r->c->guests[i]);
        check_guest(r, e, i);
    }
    r->c->n_guests = s->n;
    return 0;
}

static int read_uplinks(struct reader *r, const struct setting *s)
{
    uint32_t i = 0;
    int ret = list_check(r, s, "uplinks", CONF_UPLINKS_MAX);

    if (ret < 0)
        return ret;
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_UPLINK, &r->c->uplinks[i]);
        r->c->uplinks[i].number = UINT32_MAX - i; // nobody's, until it is read
        if (!entry_check(r, e, "an uplink", "number"))
            continue;
        read_group(r, e, "uplinks.", &r->c->uplinks[i]);
        check_uplink(r, e, i);
    }
    r->c->n_uplinks = s->n;
    return 0;
}

static int read_file(struct conf *c, const char *file, struct mistakes *mistakes)
{
    struct settings settings;
    struct reader r = { .c = c, .mistakes = mistakes };
    int ret = settings_read(&settings, file, mistakes);

    if (ret < 0)
        return ret;
    r.lines = settings.lines;
    read_group(&r, settings.root, "", c);
    check_whole(&r, settings.root);
    settings_free(&settings);
    return mistakes->n > 0 ? -EINVAL : 0;
}

// Can it be read? Returns 0, 1 if it need not be there and isn't, or -errno.
static int file_check(const char *file, bool named, struct mistakes *mistakes)
{
    struct stat st;
    int ret = stat(file, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : access(file, R_OK) < 0 ? -errno : 0;

    if (ret == -ENOENT && !named)
        return 1;
    if (ret < 0)
        mistake_add(mistakes, file, 0, "the configuration can't be read: %s%s", strerror(-ret),
            ret == -EACCES ? "; run it as root" : "");
    return ret;
}

int conf_read(struct conf *c, const char *file, char *err, size_t n)
{
    const char *path = file != NULL ? file : CONF_FILE;
    struct mistakes mistakes = { 0 };
    int ret = file_check(path, file != NULL, &mistakes);

    memset(c, 0, sizeof(*c));
    option_defaults(OPTION_OF_CONF, c);
    if (ret == 0)
        ret = read_file(c, path, &mistakes);
    else if (ret == 1)
        c->max_guests = c->max_vifs;
    mistakes_print(&mistakes, err, n);
    mistakes_free(&mistakes);
    return ret < 0 ? ret : 0;
}
