/* SPDX-License-Identifier: BSD-3-Clause */
// conf.c: reads the configuration by the table in option.c.
//
// Reading has two passes. The first takes each setting by the table: known, right type, in range. The second looks at
// what only the whole says: numbers and tags given twice, or outside the size of the switch. Neither ends at a mistake;
// what a mistake leaves open is not judged, so that each mistake is said once.
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "mistake.h"
#include "option.h"
#include "setting.h"

struct reader {
    struct conf *c;
    struct mistakes *mistakes;
    unsigned lines; // of the file
    bool size_open; // what the size of the switch is made of has a mistake
};

// Say what is wrong at s.
static int __attribute__((format(printf, 3, 4))) fail(struct reader *r, const struct setting *s, const char *fmt, ...)
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
    return fail(r, s, "%s is %s; allowed: %s", o->path, is, allowed);
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

static int read_texts(struct reader *r, const struct setting *s, const struct option *o, void *base)
{
    uint32_t i = 0;
    int ret = 0;

    if (s->type != SETTING_ARRAY && s->type != SETTING_LIST)
        return fail_value(r, s, o, setting_kind(s));
    if (s->n > o->most)
        return fail(r, s, "%s has %u entries; allowed: at most %u", o->path, s->n, o->most);
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        if (e->type == SETTING_BROKEN || read_text(r, e, o, option_text(o, base, i)) < 0)
            ret = -EINVAL;
    }
    *option_count(o, base) = s->n;
    return ret;
}

static int read_guests(struct reader *r, const struct setting *s);
static int read_vifs(struct reader *r, const struct setting *s, struct conf_guest *g);
static int read_uplinks(struct reader *r, const struct setting *s);

static int read_option(struct reader *r, const struct setting *s, const struct option *o, void *base)
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
    case OPTION_WORD:
        return read_word(r, s, o, field);
    case OPTION_TEXTS:
        return read_texts(r, s, o, base);
    case OPTION_GUESTS:
        return read_guests(r, s);
    case OPTION_VIFS:
        return read_vifs(r, s, base);
    case OPTION_UPLINKS:
        return read_uplinks(r, s);
    }
    return -EINVAL;
}

static int fail_unknown(struct reader *r, const struct setting *s, const char *prefix)
{
    char known[512];

    option_names(prefix, known, sizeof(known));
    return fail(r, s, "unknown option %s%s; known here: %s", prefix, s->name, known);
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
    fail(r, s, "syntax error: %s%sthe %s that begins in line %u is not closed: %c is missing, %s (the end is line %u)",
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

// The size of the switch: what whole_check() goes by.
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
        return fail(r, s, "%s is %s; allowed: a group { ... }", s->name, setting_kind(s));
    snprintf(path, sizeof(path), "%s%s.", prefix, s->name);
    return read_group(r, s, path, base);
}

// The line to name for a member of a group: its own, or the group's if it isn't there.
static const struct setting *member(const struct setting *group, const char *name)
{
    const struct setting *s = setting_member(group, name);

    return s != NULL ? s : group;
}

static void vif_check(struct reader *r, const struct setting *s, const struct conf_guest *g, uint32_t i)
{
    if (setting_member(s, "device") == NULL)
        fail(r, s, "a vif without device; allowed: 0 to %u", CONF_GUEST_VIFS_MAX - 1);
    for (uint32_t j = 0; j < i; j++) {
        if (g->vifs[j].device == g->vifs[i].device) {
            fail(r, member(s, "device"), "device %u is given twice in this guest", g->vifs[i].device);
            break;
        }
    }
    // The primary sets its tags up when it starts, by number, and knows no devices then.
    if (g->vifs[i].vlan >= 0 && setting_member(s, "number") == NULL)
        fail(r, member(s, "vlan"), "vlan without number; a tag belongs to a number");
}

static int read_vifs(struct reader *r, const struct setting *s, struct conf_guest *g)
{
    uint32_t i = 0;

    if (s->type != SETTING_LIST)
        return fail(r, s, "guests.vifs is %s; allowed: a list ( { ... }, ... ) of at most %u", setting_kind(s),
            CONF_GUEST_VIFS_MAX);
    if (s->n > CONF_GUEST_VIFS_MAX)
        return fail(r, s, "guests.vifs has %u entries; allowed: at most %u", s->n, CONF_GUEST_VIFS_MAX);
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_VIF, &g->vifs[i]);
        g->vifs[i].device = UINT32_MAX - i; // nobody's, until it is read
        if (e->type == SETTING_GROUP) {
            read_group(r, e, "guests.vifs.", &g->vifs[i]);
            vif_check(r, e, g, i);
        } else if (e->type != SETTING_BROKEN) {
            fail(r, e, "a vif is %s; allowed: a group { device = ...; }", setting_kind(e));
        }
    }
    g->n_vifs = s->n;
    return 0; // what is wrong was said
}

static void guest_check(struct reader *r, const struct setting *s, uint32_t i)
{
    const struct conf_guest *g = &r->c->guests[i];

    if (member(s, "domid") == s && member(s, "uuid") == s && member(s, "name") == s)
        fail(r, s, "a guest without domid, uuid or name; one of them is needed");
    for (const struct conf_guest *o = r->c->guests; o < g; o++) {
        if (g->domid >= 0 && o->domid == g->domid)
            fail(r, member(s, "domid"), "domid %d is given twice", g->domid);
        if (g->uuid[0] != '\0' && strcasecmp(o->uuid, g->uuid) == 0)
            fail(r, member(s, "uuid"), "uuid %s is given twice", g->uuid);
        if (g->name[0] != '\0' && strcmp(o->name, g->name) == 0)
            fail(r, member(s, "name"), "name %s is given twice", g->name);
    }
}

static int read_guests(struct reader *r, const struct setting *s)
{
    uint32_t i = 0;

    if (s->type != SETTING_LIST)
        return fail(
            r, s, "guests is %s; allowed: a list ( { ... }, ... ) of at most %u", setting_kind(s), CONF_GUESTS_MAX);
    if (s->n > CONF_GUESTS_MAX)
        return fail(r, s, "guests has %u entries; allowed: at most %u", s->n, CONF_GUESTS_MAX);
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_GUEST, &r->c->guests[i]);
        if (e->type == SETTING_GROUP) {
            read_group(r, e, "guests.", &r->c->guests[i]);
            guest_check(r, e, i);
        } else if (e->type != SETTING_BROKEN) {
            fail(r, e, "a guest is %s; allowed: a group { domid = ...; }", setting_kind(e));
        }
    }
    r->c->n_guests = s->n;
    return 0;
}

static void uplink_check(struct reader *r, const struct setting *s, uint32_t i)
{
    const struct conf_uplink *u = &r->c->uplinks[i];

    if (setting_member(s, "number") == NULL)
        fail(r, s, "an uplink without number; allowed: 0 to %u", CONF_UPLINKS_MAX - 1);
    for (const struct conf_uplink *o = r->c->uplinks; o < u; o++) {
        if (o->number == u->number)
            fail(r, member(s, "number"), "uplink %u is given twice", u->number);
    }
}

static int read_uplinks(struct reader *r, const struct setting *s)
{
    uint32_t i = 0;

    if (s->type != SETTING_LIST)
        return fail(
            r, s, "uplinks is %s; allowed: a list ( { ... }, ... ) of at most %u", setting_kind(s), CONF_UPLINKS_MAX);
    if (s->n > CONF_UPLINKS_MAX)
        return fail(r, s, "uplinks has %u entries; allowed: at most %u", s->n, CONF_UPLINKS_MAX);
    for (const struct setting *e = s->first; e != NULL; e = e->next, i++) {
        option_defaults(OPTION_OF_UPLINK, &r->c->uplinks[i]);
        r->c->uplinks[i].number = UINT32_MAX - i; // nobody's, until it is read
        if (e->type == SETTING_GROUP) {
            read_group(r, e, "uplinks.", &r->c->uplinks[i]);
            uplink_check(r, e, i);
        } else if (e->type != SETTING_BROKEN) {
            fail(r, e, "an uplink is %s; allowed: a group { number = ...; }", setting_kind(e));
        }
    }
    r->c->n_uplinks = s->n;
    return 0;
}

uint32_t conf_mtu(const struct conf *c, uint32_t uplink)
{
    int32_t mtu = c->nic_mtu;

    for (uint32_t i = 0; i < c->n_uplinks; i++) {
        if (c->uplinks[i].number == uplink && c->uplinks[i].mtu >= 0)
            mtu = c->uplinks[i].mtu;
    }
    return mtu >= 0 ? (uint32_t)mtu : 0;
}

static const struct conf_vif *vif_of_number(const struct conf *c, uint32_t number)
{
    for (uint32_t i = 0; i < c->n_guests; i++) {
        for (uint32_t j = 0; j < c->guests[i].n_vifs; j++) {
            if (c->guests[i].vifs[j].number == (int32_t)number)
                return &c->guests[i].vifs[j];
        }
    }
    return NULL;
}

uint32_t conf_vlan(const struct conf *c, uint32_t number)
{
    const struct conf_vif *v = vif_of_number(c, number);

    return v != NULL && v->vlan >= 0 ? (uint32_t)v->vlan : c->vlan_base + number;
}

// Another number that has the tag of this one, or -1.
static int tag_twin(const struct conf *c, uint32_t number)
{
    const struct conf_vif *v = vif_of_number(c, number);

    for (uint32_t k = 0; k < c->max_vifs; k++) {
        const struct conf_vif *other = vif_of_number(c, k);

        // Of two that are pinned to one tag, the first says it.
        if (k != number && conf_vlan(c, k) == conf_vlan(c, number) && !(other != NULL && other->vlan >= 0 && other < v))
            return (int)k;
    }
    return -1;
}

// What one vif's number and tag mean for the switch as a whole.
static void number_check(struct reader *r, const struct setting *s, const struct conf_vif *v)
{
    int twin;

    if (v->number < 0)
        return;
    if ((uint32_t)v->number >= r->c->max_vifs) {
        fail(r, member(s, "number"), "number is %d; allowed: 0 to %u (max_vifs - 1)", v->number, r->c->max_vifs - 1);
        return;
    }
    if (vif_of_number(r->c, (uint32_t)v->number) != v) {
        fail(r, member(s, "number"), "number %d is given twice", v->number);
        return;
    }
    twin = v->vlan >= 0 ? tag_twin(r->c, (uint32_t)v->number) : -1;
    if (twin >= 0)
        fail(r, member(s, "vlan"), "vlan %d is given twice: number %d has it too", v->vlan, twin);
}

static void numbers_check(struct reader *r, const struct setting *root)
{
    const struct setting *guests = setting_member(root, "guests");
    const struct conf_guest *g = r->c->guests;

    if (guests == NULL || r->c->n_guests == 0)
        return;
    for (const struct setting *s = guests->first; s != NULL; s = s->next, g++) {
        const struct setting *vifs = setting_member(s, "vifs");
        const struct conf_vif *v = g->vifs;

        for (const struct setting *e = vifs != NULL && g->n_vifs > 0 ? vifs->first : NULL; e != NULL; e = e->next, v++)
            number_check(r, e, v);
    }
}

static void whole_check(struct reader *r, const struct setting *root)
{
    struct conf *c = r->c;
    const struct setting *at = setting_member(root, "vlan_base");

    if (c->max_guests == 0)
        c->max_guests = c->max_vifs < FABRIC_GUESTS_MAX ? c->max_vifs : FABRIC_GUESTS_MAX;
    if (r->size_open)
        return;
    if (c->vlan_base + c->max_vifs > 4095)
        fail(r, at != NULL ? at : member(root, "max_vifs"),
            "vlan_base %u and max_vifs %u need tags up to %u; allowed: up to 4094", c->vlan_base, c->max_vifs,
            c->vlan_base + c->max_vifs - 1);
    at = setting_member(root, "worker");
    if (c->worker_spares >= c->max_guests && c->worker_spares > 0 && at != NULL)
        fail(r, member(at, "spares"), "worker.spares is %u; allowed: fewer than max_guests (%u)", c->worker_spares,
            c->max_guests);
    numbers_check(r, root);
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
    whole_check(&r, settings.root);
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

// Does the entry speak of this guest? 0 no; more is better: 3 by UUID, 2 by domid, 1 by name. What the entry says
// and the guest contradicts excludes it: a domid that another domain has now doesn't make it that guest.
static int match(const struct conf_guest *g, uint32_t domid, const char *uuid, const char *name)
{
    bool by_uuid = g->uuid[0] != '\0' && uuid[0] != '\0';
    bool by_name = g->name[0] != '\0' && name[0] != '\0';

    if (by_uuid && strcasecmp(g->uuid, uuid) != 0)
        return 0;
    if (g->domid >= 0 && (uint32_t)g->domid != domid)
        return 0;
    if (by_name && strcmp(g->name, name) != 0)
        return 0;
    return by_uuid ? 3 : g->domid >= 0 ? 2 : by_name ? 1 : 0;
}

const struct conf_guest *conf_guest_find(const struct conf *c, uint32_t domid, const char *uuid, const char *name)
{
    const struct conf_guest *best = NULL;
    int best_match = 0;

    for (const struct conf_guest *g = c->guests; g < c->guests + c->n_guests; g++) {
        int m = match(g, domid, uuid, name);

        if (m > best_match) {
            best = g;
            best_match = m;
        }
    }
    return best;
}
