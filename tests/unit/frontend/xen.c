/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xen.h"
#include "xenvirt.h"

#define PAGE 4096u
#define REFS 40000u
#define KEYS 256

static struct key {
    char *path;
    char *value;
    unsigned order;
} keys[KEYS];
static unsigned writes;
static bool refuse;
static uint32_t granted_to;
static char *pages[REFS]; // by reference; 0 to 7 are reserved, as in Linux
static unsigned n_pages, pages_limit = REFS;

static struct key *key_find(const char *path)
{
    for (int i = 0; i < KEYS; i++) {
        if (keys[i].path != NULL && strcmp(keys[i].path, path) == 0)
            return &keys[i];
    }
    return NULL;
}

static struct key *key_get(const char *path)
{
    struct key *k = key_find(path);

    for (int i = 0; k == NULL && i < KEYS; i++) {
        if (keys[i].path == NULL) {
            k = &keys[i];
            k->path = strdup(path);
        }
    }
    return k;
}

static const char *full(const char *key)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s%s",
        (strchr(key, '/') != NULL && strncmp(key, "devices", 7) != 0) || !strcmp(key, "domid") ? "" : "control/dpdk/",
        key);
    return path;
}

const char *xen_key(const char *key)
{
    struct key *k = key_find(full(key));

    return k != NULL ? k->value : NULL;
}

unsigned xen_key_order(const char *key)
{
    struct key *k = key_find(full(key));

    return k != NULL ? k->order : 0;
}

void xen_key_set(const char *key, const char *value)
{
    struct key *k = key_get(full(key));

    free(k->value);
    k->value = strdup(value);
}

unsigned xen_keys(void)
{
    unsigned n = 0;

    for (int i = 0; i < KEYS; i++)
        n += keys[i].value != NULL && strncmp(keys[i].path, "control/dpdk/", 13) == 0;
    return n;
}

void xen_refuse_writes(bool on)
{
    refuse = on;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return (struct xs_handle *)&keys;
}

void xs_close(struct xs_handle *h)
{
    (void)h;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
    struct key *k = key_find(path);
    unsigned unused;

    (void)h, (void)t;
    errno = ENOENT;
    if (k == NULL || k->value == NULL)
        return NULL;
    *(len != NULL ? len : &unused) = strlen(k->value);
    return strdup(k->value);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned len)
{
    struct key *k;

    (void)h, (void)t;
    errno = EACCES;
    if (refuse)
        return false;
    k = key_get(path);
    free(k->value);
    k->value = strndup(data, len);
    k->order = ++writes;
    return true;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    struct key *k = key_find(path);

    (void)h, (void)t;
    errno = ENOENT;
    if (k == NULL || k->value == NULL)
        return false;
    free(k->value);
    k->value = NULL;
    return true;
}

// As libxenstore: one block that a single free() releases.
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *num)
{
    char **names = calloc(1, KEYS * (sizeof(char *) + 64)), *at = (char *)(names + KEYS);
    size_t len = strlen(path);

    (void)h, (void)t;
    *num = 0;
    for (int i = 0; i < KEYS; i++) {
        if (keys[i].value != NULL && strncmp(keys[i].path, path, len) == 0 && keys[i].path[len] == '/') {
            names[(*num)++] = at;
            at = stpcpy(at, keys[i].path + len + 1) + 1;
        }
    }
    return names;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    (void)h, (void)t, (void)abort;
    return true;
}

void *xen_page(uint32_t ref)
{
    return ref < REFS ? pages[ref] : NULL;
}

unsigned xen_pages(void)
{
    return n_pages;
}

uint32_t xen_granted_to(void)
{
    return granted_to;
}

void xen_pages_limit(unsigned n)
{
    pages_limit = n;
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned flags)
{
    (void)logger, (void)flags;
    return (xengntshr_handle *)&pages;
}

int xengntshr_close(xengntshr_handle *x)
{
    (void)x;
    return 0;
}

void *xengntshr_share_pages(xengntshr_handle *x, uint32_t domid, int count, uint32_t *refs, int writable)
{
    char *va;
    uint32_t ref = 8;

    (void)x, (void)writable;
    granted_to = domid;
    errno = ENOSPC;
    if ((uint32_t)count > pages_limit - n_pages)
        return NULL;
    va = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < count; ref++) {
        if (ref == REFS)
            abort();
        if (pages[ref] == NULL) {
            refs[i] = ref;
            pages[ref] = va + (size_t)i++ * PAGE;
        }
    }
    n_pages += count;
    return va;
}

void *xengntshr_share_page_notify(
    xengntshr_handle *x, uint32_t domid, uint32_t *ref, int writable, uint32_t notify_offset, evtchn_port_t notify_port)
{
    (void)notify_offset, (void)notify_port;
    return xengntshr_share_pages(x, domid, 1, ref, writable);
}

// The memory stays mapped, so that a test can look at what was shared.
int xengntshr_unshare(xengntshr_handle *x, void *start, uint32_t count)
{
    char *va = start;

    (void)x;
    for (uint32_t ref = 0; ref < REFS; ref++) {
        if (pages[ref] != NULL && pages[ref] >= va && pages[ref] < va + (size_t)count * PAGE)
            pages[ref] = NULL;
    }
    n_pages -= count;
    return 0;
}

unsigned xen_pages_listed(const char *key)
{
    char *copy = strdup(xen_key(key)), *save, *ref;
    unsigned n = 0;

    for (ref = strtok_r(copy, ",", &save); ref != NULL; ref = strtok_r(NULL, ",", &save)) {
        const struct xenvirt_pair *p = xen_page((uint32_t)atoi(ref));

        for (int i = 0; i < 512 && p[i].gref != 0; i++, n++)
            cr_assert_not_null(xen_page((uint32_t)p[i].gref));
    }
    free(copy);
    return n;
}
