/* SPDX-License-Identifier: BSD-3-Clause */
// echo: a back end for one device that returns every frame to its sender. Not the switch: it trusts the guest.
//
// usage: echo DOMID DEVICE [deaf]; runs until SIGTERM and serves one start after another. With "deaf" it confirms no
// stop.
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_ring.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xenvirt.h"

struct area {
    char *va;
    uint64_t gva;
    uint32_t pages;
};

static struct xs_handle *xs;
static xengnttab_handle *gnttab;
static unsigned domid, device, size;
static struct area pools[XENVIRT_MEMPOOLS_MAX], rings[2];
static struct vring rx, tx;
static struct xenvirt_flag_page *flag;
static uint16_t rx_next, tx_next;
static volatile sig_atomic_t over;

static void end(int sig)
{
    (void)sig;
    over = 1;
}

// Free it. NULL: no such key.
static char *key(const char *format, unsigned n)
{
    char path[128];
    int len = snprintf(path, sizeof(path), "/local/domain/%u/" XENVIRT_DIR "/", domid);

    snprintf(path + len, sizeof(path) - len, format, n);
    return xs_read(xs, XBT_NULL, path, NULL);
}

static bool started(void)
{
    char *text = key(XENVIRT_KEY_START, device);

    free(text);
    return text != NULL;
}

static uint32_t list_read(const char *text, uint32_t *refs)
{
    uint32_t n = 0;

    for (const char *at = text; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
        struct xenvirt_pair *p = xengnttab_map_grant_ref(gnttab, domid, atoi(at), PROT_READ);

        if (p == NULL)
            err(1, "list page %s", at);
        for (uint32_t i = 0; i < XENVIRT_PAIRS_PER_PAGE && (int32_t)p[i].gref > 0; i++)
            refs[n++] = p[i].gref;
        xengnttab_unmap(gnttab, p, 1);
    }
    return n;
}

static bool area_open(struct area *a, const char *format, unsigned n)
{
    static uint32_t refs[XENVIRT_PAGES_MAX];
    char *text = key(format, n);

    if (text == NULL)
        return false;
    a->pages = list_read(text, refs);
    a->va = xengnttab_map_domain_grant_refs(gnttab, a->pages, domid, refs, PROT_READ | PROT_WRITE);
    if (a->va == NULL)
        err(1, "%u pages of %s", a->pages, text);
    free(text);
    return true;
}

static void area_close(struct area *a)
{
    if (a->va != NULL)
        xengnttab_unmap(gnttab, a->va, a->pages);
    a->va = NULL;
}

static void say(enum xenvirt_back_state state)
{
    flag->back.magic = XENVIRT_BACK_MAGIC;
    flag->back.state = state;
    flag->back.link = 1;
    flag->back.speed = 10000;
    __atomic_store_n(&flag->back.generation, flag->front.generation, __ATOMIC_RELEASE);
}

// The flag page stays mapped as long as the device is there: a generation may be over before it was attached, and its
// end must be confirmed too.
static void flag_open(void)
{
    char *text = key(XENVIRT_KEY_FLAG, device);

    if (text != NULL && started())
        flag = xengnttab_map_grant_ref(gnttab, domid, atoi(text), PROT_READ | PROT_WRITE);
    free(text);
}

// Whether the device wants to run; the start key may be a stopped or a dead one's.
static bool flag_wanted(void)
{
    if (flag == NULL)
        flag_open();
    if (flag == NULL)
        return false;
    if (flag->up == 0) {
        xengnttab_unmap(gnttab, flag, 1);
        flag = NULL;
        return false;
    }
    if (__atomic_load_n(&flag->front.wanted, __ATOMIC_ACQUIRE) == XENVIRT_WANT_RUN)
        return started();
    if (flag->back.generation != flag->front.generation)
        say(XENVIRT_BACK_DETACHED);
    return false;
}

static void attach(void)
{
    char *text = key(XENVIRT_KEY_RING_SIZE, device);

    size = text != NULL ? atoi(text) : 256;
    free(text);
    area_open(&rings[0], XENVIRT_KEY_RX_RING_GREF, device);
    area_open(&rings[1], XENVIRT_KEY_TX_RING_GREF, device);
    vring_init(&rx, size, rings[0].va, XENVIRT_RING_ALIGN);
    vring_init(&tx, size, rings[1].va, XENVIRT_RING_ALIGN);
    rx_next = tx_next = 0;
    for (unsigned m = 0; m < XENVIRT_MEMPOOLS_MAX; m++) {
        if (!area_open(&pools[m], XENVIRT_KEY_MEMPOOL_GREF, m))
            continue;
        text = key(XENVIRT_KEY_MEMPOOL_VA, m);
        pools[m].gva = strtoull(text, NULL, 16);
        free(text);
    }
}

static void detach(void)
{
    for (unsigned m = 0; m < XENVIRT_MEMPOOLS_MAX; m++)
        area_close(&pools[m]);
    area_close(&rings[0]);
    area_close(&rings[1]);
    say(XENVIRT_BACK_DETACHED);
}

static char *host(uint64_t gva, uint32_t len)
{
    for (unsigned m = 0; m < XENVIRT_MEMPOOLS_MAX; m++) {
        uint64_t off = gva - pools[m].gva;

        if (pools[m].va != NULL && off < pools[m].pages * 4096ull && len <= pools[m].pages * 4096ull - off)
            return pools[m].va + off;
    }
    errx(1, "address %lx is in no mempool", gva);
}

// The chain's bytes, header included.
static uint32_t gather(uint16_t id, char *to)
{
    uint32_t len = 0;

    for (;; id = tx.desc[id].next) {
        const struct vring_desc *d = &tx.desc[id];

        if (d->addr != 0)
            memcpy(to + len, host(d->addr, d->len), d->len);
        len += d->len;
        if ((d->flags & VRING_DESC_F_NEXT) == 0)
            return len;
    }
}

static unsigned echo(void)
{
    uint16_t ready = __atomic_load_n(&tx.avail->idx, __ATOMIC_ACQUIRE);
    uint16_t room = __atomic_load_n(&rx.avail->idx, __ATOMIC_ACQUIRE);
    unsigned n = 0;

    for (; tx_next != ready && rx_next != room; tx_next++, rx_next++, n++) {
        uint16_t from = tx.avail->ring[tx_next & (size - 1)], to = rx.avail->ring[rx_next & (size - 1)];
        uint32_t len = gather(from, host(rx.desc[to].addr, rx.desc[to].len));

        rx.used->ring[rx_next & (size - 1)] = (struct vring_used_elem){ to, len };
        tx.used->ring[tx_next & (size - 1)] = (struct vring_used_elem){ from, 0 };
    }
    __atomic_store_n(&rx.used->idx, rx_next, __ATOMIC_RELEASE);
    __atomic_store_n(&tx.used->idx, tx_next, __ATOMIC_RELEASE);
    return n;
}

static void serve(bool deaf)
{
    unsigned long frames = 0;

    while (!over && flag->up != 0 &&
           (deaf || __atomic_load_n(&flag->front.wanted, __ATOMIC_ACQUIRE) == XENVIRT_WANT_RUN)) {
        unsigned n = echo();

        frames += n;
        if (n == 0)
            usleep(20);
    }
    printf("generation %u: %lu frames\n", flag->front.generation, frames);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: echo DOMID DEVICE [deaf]");
    domid = atoi(argv[1]);
    device = atoi(argv[2]);
    signal(SIGTERM, end);
    xs = xs_open(0);
    gnttab = xengnttab_open(NULL, 0);
    if (xs == NULL || gnttab == NULL)
        err(1, "no Xen");
    while (!over) {
        usleep(2000);
        if (!flag_wanted())
            continue;
        attach();
        say(XENVIRT_BACK_ATTACHED);
        serve(argc > 3);
        detach();
    }
    return 0;
}
