/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <rte_common.h>

#include "device.h"
#include "index.h"
#include "log.h"

static void device_unpublish(struct device *d)
{
    struct store *s = &d->guest->store;

    store_remove(s, XENVIRT_KEY_START, d->index);
    store_remove(s, XENVIRT_KEY_RX_RING_GREF, d->index);
    store_remove(s, XENVIRT_KEY_TX_RING_GREF, d->index);
    store_remove(s, XENVIRT_KEY_MAC, d->index);
    store_remove(s, XENVIRT_KEY_FLAG, d->index);
    store_remove(s, XENVIRT_KEY_RING_SIZE, d->index);
}

static int publish_ring(struct device *d, const char *key, const struct offer *ring)
{
    char text[OFFER_TEXT_MAX];

    offer_text(ring, text);
    return store_write(&d->guest->store, key, d->index, text);
}

static int publish_number(struct device *d, const char *key, uint32_t n)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    return store_write(&d->guest->store, key, d->index, text);
}

static int publish_mac(struct device *d)
{
    char text[RTE_ETHER_ADDR_FMT_SIZE];

    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", RTE_ETHER_ADDR_BYTES(&d->mac));
    return store_write(&d->guest->store, XENVIRT_KEY_MAC, d->index, text);
}

// Everything anew, the start key last: keys may be a dead predecessor's.
static int device_publish(struct device *d)
{
    int ret;

    device_unpublish(d);
    ret = publish_mac(d);
    if (ret == 0)
        ret = publish_number(d, XENVIRT_KEY_FLAG, d->flag.ref);
    if (ret == 0 && d->ring_size != XENVIRT_RING_SIZE_DEFAULT)
        ret = publish_number(d, XENVIRT_KEY_RING_SIZE, d->ring_size);
    if (ret == 0)
        ret = publish_ring(d, XENVIRT_KEY_RX_RING_GREF, &d->rx_ring);
    if (ret == 0)
        ret = publish_ring(d, XENVIRT_KEY_TX_RING_GREF, &d->tx_ring);
    if (ret == 0)
        ret = publish_number(d, XENVIRT_KEY_START, 1);
    if (ret < 0)
        device_unpublish(d);
    return ret;
}

static void rings_close(struct device *d)
{
    offer_close(&d->rx_ring, d->guest);
    offer_close(&d->tx_ring, d->guest);
    d->ring_size = 0;
}

// Both rings have as many entries as the larger queue needs, and 256 at least, which is what 2.2's switch knows.
static uint16_t rings_size(const struct device *d)
{
    uint16_t n = RTE_MAX(d->rx.n_desc, d->tx.n_desc);

    return RTE_MAX(rte_align32pow2(n), XENVIRT_RING_SIZE_DEFAULT);
}

static int rings_open(struct device *d)
{
    uint16_t size = rings_size(d);
    int ret;

    if (d->ring_size == size)
        return 0;
    rings_close(d);
    ret = offer_open(&d->rx_ring, d->guest, ring_pages(size));
    if (ret < 0)
        return ret;
    ret = offer_open(&d->tx_ring, d->guest, ring_pages(size));
    if (ret < 0) {
        rings_close(d);
        return ret;
    }
    d->ring_size = size;
    return 0;
}

static void bounce_close(struct device *d)
{
    if (d->bounce != NULL)
        region_close(d->bounce);
    d->bounce = NULL;
    d->bounce_count = 0;
}

static int bounce_open(struct device *d, uint32_t count)
{
    uint32_t pages = (count * BOUNCE_BYTES + XENVIRT_PAGE_BYTES - 1) / XENVIRT_PAGE_BYTES;
    int ret;

    if (d->bounce_count != count) {
        bounce_close(d);
        ret = region_open(d->guest, pages, &d->bounce);
        if (ret < 0)
            return ret;
        d->bounce_count = count;
    }
    if (count == 0)
        return 0;
    ret = region_publish(d->bounce, NULL);
    if (ret < 0)
        bounce_close(d);
    return ret;
}

// Buffers `first` and following.
static struct bounce bounce_part(const struct device *d, uint32_t first)
{
    uint32_t off = first * BOUNCE_BYTES;

    return (struct bounce){ .va = (char *)d->bounce->offer.data.va + off, .gva = d->bounce->gva + off };
}

static bool rx_granted(const struct device *d)
{
    if (d->rx.n_desc != 0 && rxq_scatters(&d->rx))
        return false;
    for (unsigned i = 0; i < d->tx.windows.n; i++) {
        if (d->tx.windows.regions[i]->mp == d->rx.mp)
            return true;
    }
    return false;
}

static int queues_open(struct device *d, uint32_t n_rx_bounce)
{
    struct bounce none = { 0 }, rx = n_rx_bounce == 0 ? none : bounce_part(d, 0), tx = none;
    int ret;

    if (d->tx.n_desc != 0)
        tx = bounce_part(d, n_rx_bounce);
    ret = txq_open(&d->tx, d->tx_ring.data.va, d->ring_size, &tx);
    if (ret < 0 || d->rx.n_desc == 0)
        return ret;
    ret = rxq_open(&d->rx, d->rx_ring.data.va, d->ring_size, &rx, &d->tx.windows);
    if (ret < 0) {
        LOG(ERR, "device %u: no mbuf to receive into\n", d->index);
        txq_close(&d->tx, true);
    }
    return ret;
}

static void queues_close(struct device *d, bool detached)
{
    rxq_close(&d->rx, detached);
    txq_close(&d->tx, detached);
}

int device_start(struct device *d)
{
    uint32_t n_rx_bounce;
    int ret;

    guest_sweep(d->guest);
    ret = rings_open(d);
    if (ret < 0)
        return ret;
    windows_open(&d->tx.windows, d->guest);
    n_rx_bounce = rx_granted(d) ? 0 : d->rx.n_desc;
    ret = bounce_open(d, n_rx_bounce + d->tx.n_desc);
    if (ret < 0)
        goto close_windows;
    ret = queues_open(d, n_rx_bounce);
    if (ret < 0)
        goto close_windows;
    flag_start(&d->flag);
    ret = device_publish(d);
    if (ret < 0)
        goto close_queues;
    return 0;

close_queues:
    flag_stop(&d->flag);
    queues_close(d, true);
close_windows:
    windows_close(&d->tx.windows);
    return ret;
}

void device_stop(struct device *d)
{
    bool detached;

    flag_stop(&d->flag);
    store_remove(&d->guest->store, XENVIRT_KEY_START, d->index);
    detached = flag_wait(&d->flag);
    queues_close(d, detached);
    windows_close(&d->tx.windows);
    if (detached)
        return;
    // The back end may go on writing into what it has mapped. Pages that are unshared stay its own until it unmaps
    // them; the next start gets new ones.
    LOG(WARNING, "device %u: the back end didn't confirm the stop; its rings and buffers are given up\n", d->index);
    bounce_close(d);
    rings_close(d);
}

int device_open(struct device *d, uint32_t domid, uint32_t backend)
{
    int ret = guest_open(domid, backend, &d->guest);

    if (ret < 0)
        return ret;
    d->lock = index_claim_any(d->guest->id, "device", XENVIRT_DEVICES_MAX, &d->index);
    if (d->lock < 0) {
        ret = d->lock;
        LOG(ERR, "can't take a device number: %s\n", strerror(-ret));
        goto close_guest;
    }
    ret = flag_open(&d->flag, d->guest);
    if (ret < 0)
        goto release_index;
    return 0;

release_index:
    index_release(d->lock);
close_guest:
    guest_close(d->guest);
    return ret;
}

void device_close(struct device *d)
{
    device_unpublish(d);
    bounce_close(d);
    rings_close(d);
    flag_close(&d->flag, d->guest);
    index_release(d->lock);
    guest_close(d->guest);
}
