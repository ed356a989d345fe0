/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "guest.h"
#include "index.h"
#include "log.h"
#include "xenvirt.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct guest guest;

void guest_lock(void)
{
    pthread_mutex_lock(&lock);
}

void guest_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

// The start key comes first: without it the switch doesn't look at the others.
static const char *const device_keys[] = { XENVIRT_KEY_START, XENVIRT_KEY_RX_RING_GREF, XENVIRT_KEY_TX_RING_GREF,
    XENVIRT_KEY_MAC, XENVIRT_KEY_FLAG, XENVIRT_KEY_RING_SIZE, XENVIRT_KEY_MEMPOOLS };
static const char *const mempool_keys[] = { XENVIRT_KEY_MEMPOOL_GREF, XENVIRT_KEY_MEMPOOL_VA };

static void sweep_index(struct guest *g, const char *kind, unsigned i, const char *const *keys, unsigned n_keys)
{
    int fd = index_claim(g->id, kind, i);

    if (fd < 0)
        return; // a living process has it
    for (unsigned k = 0; k < n_keys; k++)
        store_remove(&g->store, keys[k], i);
    if (keys == device_keys)
        store_tidy(&g->store, i);
    index_release(fd);
    LOG(INFO, "removed the keys of %s %u that a dead process left\n", kind, i);
}

static void sweep_kind(struct guest *g, const struct store_names *names, const char *kind, unsigned max,
    const char *const *keys, unsigned n_keys)
{
    for (unsigned i = 0; i < max; i++) {
        for (unsigned k = 0; k < n_keys; k++) {
            if (store_listed(names, keys[k], i)) {
                sweep_index(g, kind, i, keys, n_keys);
                break;
            }
        }
    }
}

void guest_sweep(struct guest *g)
{
    int gate = index_gate(g->id);
    struct store_names names;

    if (gate < 0)
        return;
    store_list(&g->store, &names);
    sweep_kind(g, &names, "device", XENVIRT_DEVICES_MAX, device_keys, RTE_DIM(device_keys));
    sweep_kind(g, &names, "mempool", XENVIRT_MEMPOOLS_MAX, mempool_keys, RTE_DIM(mempool_keys));
    store_list_free(&names);
    index_release(gate);
}

static int guest_domid(struct guest *g, uint32_t domid)
{
    int ret;

    g->domid = domid;
    if (domid != GUEST_ANY)
        return 0;
    ret = store_read(&g->store, "domid", &g->domid);
    if (ret < 0)
        LOG(ERR, "XenStore doesn't tell this domain's number; give it as domid=\n");
    return ret;
}

// The key "vm" is the path /vm/<uuid>.
static void guest_name(struct guest *g)
{
    char vm[64];
    const char *id;

    snprintf(g->id, sizeof(g->id), "%u", g->domid);
    if (store_read_text(&g->store, "vm", vm, sizeof(vm)) < 0)
        return;
    id = strrchr(vm, '/') != NULL ? strrchr(vm, '/') + 1 : vm;
    if (strlen(id) == 36 && strspn(id, "0123456789abcdefABCDEF-") == 36)
        snprintf(g->id, sizeof(g->id), "%s", id);
}

static int guest_backend(struct guest *g, uint32_t backend)
{
    int ret;

    g->backend = backend;
    if (backend != GUEST_ANY)
        return 0;
    ret = store_read(&g->store, XENVIRT_KEY_BACKEND, &g->backend);
    if (ret == -ENOENT || ret == -EACCES) {
        g->backend = 0;
        return 0;
    }
    if (ret < 0)
        LOG(ERR, "can't read " XENVIRT_KEY_BACKEND ": %s\n", strerror(-ret));
    return ret;
}

static int guest_init(struct guest *g, uint32_t domid, uint32_t backend)
{
    int ret = store_open(&g->store, domid == GUEST_ANY ? STORE_SELF : domid);

    if (ret < 0)
        return ret;
    ret = guest_domid(g, domid);
    if (ret < 0)
        goto close_store;
    guest_name(g);
    ret = guest_backend(g, backend);
    if (ret < 0)
        goto close_store;
    g->gntshr = xengntshr_open(NULL, 0);
    if (g->gntshr == NULL) {
        ret = -errno;
        LOG(ERR, "can't open the grant device (is xen_gntalloc loaded?): %s\n", strerror(errno));
        goto close_store;
    }
    TAILQ_INIT(&g->regions);
    guest_sweep(g);
    return 0;

close_store:
    store_close(&g->store);
    return ret;
}

static bool guest_agrees(const struct guest *g, uint32_t domid, uint32_t backend)
{
    return (domid == GUEST_ANY || domid == g->domid) && (backend == GUEST_ANY || backend == g->backend);
}

int guest_open(uint32_t domid, uint32_t backend, struct guest **out)
{
    int ret = 0;

    guest_lock();
    if (guest.users == 0)
        ret = guest_init(&guest, domid, backend);
    else if (!guest_agrees(&guest, domid, backend))
        ret = -EINVAL;
    if (ret == 0) {
        guest.users++;
        *out = &guest;
    } else if (guest.users != 0) {
        LOG(ERR, "domain %u already grants to domain %u in this process\n", guest.domid, guest.backend);
    }
    guest_unlock();
    return ret;
}

void guest_close(struct guest *g)
{
    guest_lock();
    if (--g->users == 0) {
        xengntshr_close(g->gntshr);
        store_close(&g->store);
    }
    guest_unlock();
}
