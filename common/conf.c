/* SPDX-License-Identifier: BSD-3-Clause */
// conf.c: reads the configuration by the table in option.c.
//
// Reading has two passes. The first takes each setting by the table: known, right type, in range. The second looks at
// what only the whole says: numbers and tags given twice, or outside the size of the switch.
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <libconfig.h>

#include "conf.h"
#include "option.h"

struct reader {
    struct conf *c;
    const char *file;
    char *err;
    size_t n;
};

// Say what is wrong at s, or with the whole file if s is NULL.
static int __attribute__((format(printf, 3, 4)))
fail(const struct reader *r, const config_setting_t *s, const char *fmt, ...)
{
    const char *file = s == NULL ? NULL : config_setting_source_file(s);
    va_list ap;
    int at;

    if (s == NULL)
        at = snprintf(r->err, r->n, "%s: ", r->file);
    else
        at = snprintf(r->err, r->n, "%s:%u: ", file != NULL ? file : r->file, config_setting_source_line(s));
    if (at < 0 || (size_t)at >= r->n)
        return -EINVAL;
    va_start(ap, fmt);
    vsnprintf(r->err + at, r->n - at, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static int fail_value(const struct reader *r, const config_setting_t *s, const struct option *o, const char *is)
{
    char allowed[256];

    option_allowed(o, allowed, sizeof(allowed));
    return fail(r, s, "%s is %s; allowed: %s", o->path, is, allowed);
}

static const char *type_name(const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "a number";
    case CONFIG_TYPE_FLOAT:
        return "a number with a decimal point";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_GROUP:
        return "a group";
    default:
        return "a list";
    }
}

static int read_number(const struct reader *r, const config_setting_t *s, const struct option *o, void *field)
{
    int64_t v;
    char is[24];

    if (config_setting_type(s) != CONFIG_TYPE_INT && config_setting_type(s) != CONFIG_TYPE_INT64)
        return fail_value(r, s, o, type_name(s));
    v = config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
    // libconfig reads 0x80000000 and up as negative.
    if (config_setting_type(s) == CONFIG_TYPE_INT && config_setting_get_format(s) == CONFIG_FORMAT_HEX)
        v = (uint32_t)v;
    snprintf(is, sizeof(is), "%lld", (long long)v);
    if (v < o->min || v > o->max || (o->type == OPTION_POWER && (v & (v - 1)) != 0))
        return fail_value(r, s, o, is);
    *(uint32_t *)field = (uint32_t)v; // INT, UINT, HEX and POWER have the same size
    return 0;
}

static int read_text(const struct reader *r, const config_setting_t *s, const struct option *o, char *field)
{
    const char *text = config_setting_get_string(s);
    char is[CONF_TEXT_BYTES + 8];

    if (text == NULL)
        return fail_value(r, s, o, type_name(s));
    snprintf(is, sizeof(is), "\"%s\"", text);
    if (strlen(text) > (size_t)o->max || !o->text_ok(text))
        return fail_value(r, s, o, is);
    strcpy(field, text);
    return 0;
}

static int read_word(const struct reader *r, const config_setting_t *s, const struct option *o, uint32_t *field)
{
    const char *text = config_setting_get_string(s);
    char is[64];

    if (text == NULL)
        return fail_value(r, s, o, type_name(s));
    for (uint32_t i = 0; o->words[i] != NULL; i++) {
        if (strcmp(text, o->words[i]) == 0) {
            *field = (uint32_t)o->min + i;
            return 0;
        }
    }
    snprintf(is, sizeof(is), "\"%s\"", text);
    return fail_value(r, s, o, is);
}

static int read_texts(const struct reader *r, const config_setting_t *s, const struct option *o, void *base)
{
    int n = config_setting_length(s);

    if (!config_setting_is_array(s) && !config_setting_is_list(s))
        return fail_value(r, s, o, type_name(s));
    if (n > (int)o->most)
        return fail(r, s, "%s has %d entries; allowed: at most %u", o->path, n, o->most);
    for (int i = 0; i < n; i++) {
        int ret = read_text(r, config_setting_get_elem(s, i), o, option_text(o, base, (uint32_t)i));

        if (ret < 0)
            return ret;
    }
    *option_count(o, base) = (uint32_t)n;
    return 0;
}

static int read_guests(const struct reader *r, const config_setting_t *s);
static int read_vifs(const struct reader *r, const config_setting_t *s, struct conf_guest *g);

static int read_option(const struct reader *r, const config_setting_t *s, const struct option *o, void *base)
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
        if (config_setting_type(s) != CONFIG_TYPE_BOOL)
            return fail_value(r, s, o, type_name(s));
        *(int8_t *)field = config_setting_get_bool(s) != 0;
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
    }
    return -EINVAL;
}

static int fail_unknown(const struct reader *r, const config_setting_t *s, const char *prefix)
{
    char known[512];

    option_names(prefix, known, sizeof(known));
    return fail(r, s, "unknown option %s%s; known here: %s", prefix, config_setting_name(s), known);
}

// Take the settings of a group; prefix is the path of the group with its dot, or "".
static int read_group(const struct reader *r, const config_setting_t *group, const char *prefix, void *base)
{
    int n = config_setting_length(group);

    for (int i = 0; i < n; i++) {
        config_setting_t *s = config_setting_get_elem(group, i);
        const char *name = config_setting_name(s);
        const struct option *o = option_find(prefix, name);
        char path[CONF_TEXT_BYTES];
        int ret;

        if (o != NULL) {
            ret = read_option(r, s, o, base);
        } else if (strlen(name) > 32 || !option_is_group(prefix, name)) {
            ret = fail_unknown(r, s, prefix);
        } else if (!config_setting_is_group(s)) {
            ret = fail(r, s, "%s is %s; allowed: a group { ... }", name, type_name(s));
        } else {
            snprintf(path, sizeof(path), "%s%s.", prefix, name);
            ret = read_group(r, s, path, base);
        }
        if (ret < 0)
            return ret;
    }
    return 0;
}

// The line to name for a member of a group: its own, or the group's if it isn't there.
static const config_setting_t *member(const config_setting_t *group, const char *name)
{
    const config_setting_t *s = config_setting_get_member((config_setting_t *)group, name);

    return s != NULL ? s : group;
}

static int vif_check(const struct reader *r, const config_setting_t *s, const struct conf_guest *g, uint32_t i)
{
    if (config_setting_get_member((config_setting_t *)s, "device") == NULL)
        return fail(r, s, "a vif without device; allowed: 0 to %u", CONF_GUEST_VIFS_MAX - 1);
    for (uint32_t j = 0; j < i; j++) {
        if (g->vifs[j].device == g->vifs[i].device)
            return fail(r, member(s, "device"), "device %u is given twice in this guest", g->vifs[i].device);
    }
    // The primary sets its tags up when it starts, by number, and knows no devices then.
    if (g->vifs[i].vlan >= 0 && g->vifs[i].number < 0)
        return fail(r, member(s, "vlan"), "vlan without number; a tag belongs to a number");
    return 0;
}

static int read_vifs(const struct reader *r, const config_setting_t *s, struct conf_guest *g)
{
    int n = config_setting_length(s);

    if (!config_setting_is_list(s) || n > (int)CONF_GUEST_VIFS_MAX)
        return fail(r, s, "guests.vifs is %s; allowed: a list ( { ... }, ... ) of at most %u", type_name(s),
            CONF_GUEST_VIFS_MAX);
    for (int i = 0; i < n; i++) {
        config_setting_t *elem = config_setting_get_elem(s, i);
        int ret;

        if (!config_setting_is_group(elem))
            return fail(r, elem, "a vif is %s; allowed: a group { device = ...; }", type_name(elem));
        option_defaults(OPTION_OF_VIF, &g->vifs[i]);
        ret = read_group(r, elem, "guests.vifs.", &g->vifs[i]);
        if (ret == 0)
            ret = vif_check(r, elem, g, i);
        if (ret < 0)
            return ret;
    }
    g->n_vifs = (uint32_t)n;
    return 0;
}

static int guest_check(const struct reader *r, const config_setting_t *s, uint32_t i)
{
    const struct conf_guest *g = &r->c->guests[i];

    if (g->domid < 0 && g->uuid[0] == '\0' && g->name[0] == '\0')
        return fail(r, s, "a guest without domid, uuid or name; one of them is needed");
    for (const struct conf_guest *o = r->c->guests; o < g; o++) {
        if (g->domid >= 0 && o->domid == g->domid)
            return fail(r, member(s, "domid"), "domid %d is given twice", g->domid);
        if (g->uuid[0] != '\0' && strcasecmp(o->uuid, g->uuid) == 0)
            return fail(r, member(s, "uuid"), "uuid %s is given twice", g->uuid);
        if (g->name[0] != '\0' && strcmp(o->name, g->name) == 0)
            return fail(r, member(s, "name"), "name %s is given twice", g->name);
    }
    return 0;
}

static int read_guests(const struct reader *r, const config_setting_t *s)
{
    int n = config_setting_length(s);

    if (!config_setting_is_list(s) || n > (int)CONF_GUESTS_MAX)
        return fail(
            r, s, "guests is %s; allowed: a list ( { ... }, ... ) of at most %u", type_name(s), CONF_GUESTS_MAX);
    for (int i = 0; i < n; i++) {
        config_setting_t *elem = config_setting_get_elem(s, i);
        int ret;

        if (!config_setting_is_group(elem))
            return fail(r, elem, "a guest is %s; allowed: a group { domid = ...; }", type_name(elem));
        option_defaults(OPTION_OF_GUEST, &r->c->guests[i]);
        ret = read_group(r, elem, "guests.", &r->c->guests[i]);
        if (ret == 0)
            ret = guest_check(r, elem, i);
        if (ret < 0)
            return ret;
    }
    r->c->n_guests = (uint32_t)n;
    return 0;
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

// What one vif's number and tag mean for the switch as a whole.
static int number_check(const struct reader *r, const config_setting_t *s, const struct conf_vif *v)
{
    if (v->number < 0)
        return 0;
    if ((uint32_t)v->number >= r->c->max_vifs)
        return fail(
            r, member(s, "number"), "number is %d; allowed: 0 to %u (max_vifs - 1)", v->number, r->c->max_vifs - 1);
    if (vif_of_number(r->c, (uint32_t)v->number) != v)
        return fail(r, member(s, "number"), "number %d is given twice", v->number);
    for (uint32_t k = 0; k < r->c->max_vifs; k++) {
        if (k != (uint32_t)v->number && conf_vlan(r->c, k) == conf_vlan(r->c, (uint32_t)v->number))
            return fail(r, member(s, "vlan"), "vlan %u is given twice: number %u has it too", conf_vlan(r->c, k), k);
    }
    return 0;
}

static int numbers_check(const struct reader *r, const config_setting_t *root)
{
    const config_setting_t *guests = config_setting_get_member((config_setting_t *)root, "guests");

    for (uint32_t i = 0; i < r->c->n_guests; i++) {
        const config_setting_t *vifs = member(config_setting_get_elem((config_setting_t *)guests, i), "vifs");

        for (uint32_t j = 0; j < r->c->guests[i].n_vifs; j++) {
            int ret = number_check(r, config_setting_get_elem((config_setting_t *)vifs, j), &r->c->guests[i].vifs[j]);

            if (ret < 0)
                return ret;
        }
    }
    return 0;
}

static int whole_check(const struct reader *r, const config_setting_t *root)
{
    struct conf *c = r->c;

    if (c->max_guests == 0)
        c->max_guests = c->max_vifs < FABRIC_GUESTS_MAX ? c->max_vifs : FABRIC_GUESTS_MAX;
    if (c->vlan_base + c->max_vifs > 4095)
        return fail(r,
            member(root,
                config_setting_get_member((config_setting_t *)root, "vlan_base") != NULL ? "vlan_base" : "max_vifs"),
            "vlan_base %u and max_vifs %u need tags up to %u; allowed: up to 4094", c->vlan_base, c->max_vifs,
            c->vlan_base + c->max_vifs - 1);
    if (c->worker_spares >= c->max_guests && c->worker_spares > 0)
        return fail(r, member(config_setting_get_member((config_setting_t *)root, "worker"), "spares"),
            "worker.spares is %u; allowed: fewer than max_guests (%u)", c->worker_spares, c->max_guests);
    return numbers_check(r, root);
}

static int read_file(const struct reader *r, config_t *cfg)
{
    char dir[PATH_MAX];
    int ret;

    snprintf(dir, sizeof(dir), "%s", r->file);
    config_set_include_dir(cfg, dirname(dir));
    if (config_read_file(cfg, r->file) == CONFIG_FALSE) {
        if (config_error_type(cfg) == CONFIG_ERR_FILE_IO)
            return fail(r, NULL, "%s", strerror(errno != 0 ? errno : EIO));
        snprintf(r->err, r->n, "%s:%d: %s", config_error_file(cfg) != NULL ? config_error_file(cfg) : r->file,
            config_error_line(cfg), config_error_text(cfg));
        return -EINVAL;
    }
    ret = read_group(r, config_root_setting(cfg), "", r->c);
    return ret < 0 ? ret : whole_check(r, config_root_setting(cfg));
}

int conf_read(struct conf *c, const char *file, char *err, size_t n)
{
    struct reader r = { .c = c, .file = file != NULL ? file : CONF_FILE, .err = err, .n = n };
    struct stat st;
    config_t cfg;
    int ret;

    memset(c, 0, sizeof(*c));
    option_defaults(OPTION_OF_CONF, c);
    if (stat(r.file, &st) < 0) {
        ret = -errno;
        if (file != NULL || ret != -ENOENT) {
            fail(&r, NULL, "%s", strerror(-ret));
            return ret;
        }
        c->max_guests = c->max_vifs;
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        fail(&r, NULL, "%s", strerror(EISDIR));
        return -EISDIR;
    }
    config_init(&cfg);
    ret = read_file(&r, &cfg);
    config_destroy(&cfg);
    return ret;
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
