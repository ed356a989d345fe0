/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "eal_option.h"

// EAL's own tables. Its header isn't installed, but the static library has them: they fit the EAL that is linked.
extern const char eal_short_options[];
extern const struct option eal_long_options[];

// What the guide of DPDK 2.2 and programs of its time have, or what EAL has and the switch can't live with.
static const struct {
    const char *name;
    enum eal_option_kind kind;
    enum eal_takes takes;
    const char *why;
} others[] = {
    { "xen-dom0", EAL_LEFT_OUT, EAL_TAKES_NOTHING,
        "it is not needed any more: memory comes from hugepages, in domain 0 too" },
    { "w", EAL_REFUSED, EAL_TAKES_VALUE, "use -a DEVICE" },
    { "pci-whitelist", EAL_REFUSED, EAL_TAKES_VALUE, "use -a DEVICE" },
    { "pci-blacklist", EAL_REFUSED, EAL_TAKES_VALUE, "use -b DEVICE" },
    { "use-device", EAL_REFUSED, EAL_TAKES_VALUE, "use -a DEVICE" },
    { "master-lcore", EAL_REFUSED, EAL_TAKES_VALUE, "use --main-lcore ID" },
    { "nb-devices", EAL_REFUSED, EAL_TAKES_VALUE, "use max_vifs in xv.conf" },
    { "rx_retry", EAL_REFUSED, EAL_TAKES_VALUE, "use lane_slots in xv.conf, for frames that wait for their receiver" },
    { "rx_retry_delay", EAL_REFUSED, EAL_TAKES_VALUE,
        "use lane_slots in xv.conf, for frames that wait for their receiver" },
    { "rx_retry_num", EAL_REFUSED, EAL_TAKES_VALUE,
        "use lane_slots in xv.conf, for frames that wait for their receiver" },
    { "rxfreelist", EAL_REFUSED, EAL_TAKES_VALUE, "use primary.mbufs in xv.conf" },
    { "mergeable", EAL_REFUSED, EAL_TAKES_VALUE, "a guest's receive buffers take a whole frame each" },
    { "zero_copy", EAL_REFUSED, EAL_TAKES_VALUE, "frames are copied, so that guests don't see each other's memory" },
    { "dev-basename", EAL_REFUSED, EAL_TAKES_VALUE, "guests are found in XenStore" },
    { "no-shconf", EAL_REFUSED, EAL_TAKES_NOTHING, "workers could not join xv-primary" },
    { "in-memory", EAL_REFUSED, EAL_TAKES_NOTHING, "workers could not join xv-primary" },
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

unsigned eal_option_names(const char *names[EAL_OPTION_NAMES_MAX])
{
    unsigned n = 0;

    for (const struct option *o = eal_long_options; o->name != NULL && n < EAL_OPTION_NAMES_MAX; o++)
        names[n++] = o->name;
    return n;
}

static enum eal_takes takes_of(int has_arg)
{
    return has_arg == no_argument         ? EAL_TAKES_NOTHING
           : has_arg == required_argument ? EAL_TAKES_VALUE
                                          : EAL_TAKES_ATTACHED;
}

// One of the others wins over EAL's.
static void other_find(struct eal_option *o, const char *name)
{
    for (unsigned i = 0; i < OTHERS; i++) {
        if (strcmp(others[i].name, name) != 0)
            continue;
        o->kind = others[i].kind;
        o->takes = others[i].takes;
        snprintf(o->why, sizeof(o->why), "%s", others[i].why);
    }
}

static void letter_find(const char *word, struct eal_option *o)
{
    const char *at = word[1] != ':' && word[1] != '\0' ? strchr(eal_short_options, word[1]) : NULL;
    char name[2] = { word[1], '\0' };

    snprintf(o->full, sizeof(o->full), "-%c", word[1]);
    o->attached = word[1] != '\0' && word[2] != '\0' ? word + 2 : NULL;
    if (at != NULL) {
        o->takes = at[1] == ':' ? EAL_TAKES_VALUE : EAL_TAKES_NOTHING;
        o->kind = o->takes == EAL_TAKES_NOTHING && o->attached != NULL ? EAL_UNKNOWN : EAL_KNOWN;
    }
    other_find(o, name);
}

struct candidates {
    unsigned n;
    const char *name;
    enum eal_takes takes;
    char list[200];
};

// Returns true if it is the name, and not only begins so.
static int candidate_add(struct candidates *c, const char *name, enum eal_takes takes, const char *text, size_t len)
{
    size_t at = strlen(c->list);

    if (strncmp(name, text, len) != 0)
        return 0;
    snprintf(c->list + at, sizeof(c->list) - at, "%s--%s", at > 0 ? ", " : "", name);
    c->n++;
    c->name = name;
    c->takes = takes;
    if (name[len] == '\0')
        c->n = 1;
    return name[len] == '\0';
}

static void name_find(const char *word, struct eal_option *o)
{
    const char *text = word + 2;
    size_t len = strcspn(text, "=");
    struct candidates c = { 0 };
    int exact = 0;

    for (const struct option *l = eal_long_options; l->name != NULL && !exact && len > 0; l++)
        exact = candidate_add(&c, l->name, takes_of(l->has_arg), text, len);
    for (unsigned i = 0; i < OTHERS && !exact && len > 0; i++) {
        if (strlen(others[i].name) > 1 && strstr(c.list, others[i].name) == NULL) // some are EAL's as well
            exact = candidate_add(&c, others[i].name, others[i].takes, text, len);
    }
    o->attached = text[len] == '=' ? text + len + 1 : NULL;
    snprintf(o->full, sizeof(o->full), "--%.*s", (int)len, c.n == 1 ? c.name : text);
    if (c.n == 1) {
        snprintf(o->full, sizeof(o->full), "--%s", c.name);
        o->kind = EAL_KNOWN;
        o->takes = c.takes;
        other_find(o, c.name);
    } else if (c.n > 1) {
        o->kind = EAL_AMBIGUOUS;
        snprintf(o->why, sizeof(o->why), "it may be %s", c.list);
    }
}

void eal_option_find(const char *word, struct eal_option *o)
{
    *o = (struct eal_option){ .kind = EAL_UNKNOWN };
    if (word[0] == '-' && word[1] == '-')
        name_find(word, o);
    else if (word[0] == '-')
        letter_find(word, o);
}
