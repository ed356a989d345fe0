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
    store_remove(s, XENVIRT_KEY_MEMPOOLS, d->index);
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

// The granted mempools of this process, and the device's own part of the bounce buffers: no page that goes while it runs.
static int publish_mempools(struct device *d)
{
    char text[(XENVIRT_MEMPOOLS_MAX + 1) * sizeof("15:32767+32768,")];
    const struct windows *ws = &d->tx.windows;
    size_t len = 0;

    for (unsigned i = 0; i < ws->n; i++)
        len += snprintf(text + len, sizeof(text) - len, ",%u", ws->regions[i]->index);
    if (d->bounce != NULL)
        len += snprintf(
            text + len, sizeof(text) - len, ",%u:%u+%u", d->bounce->index, d->bounce->first, d->bounce->grant.pages);
    return len == 0 ? 0 : store_write(&d->guest->store, XENVIRT_KEY_MEMPOOLS, d->index, text + 1);
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
        ret = publish_mempools(d);
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

static int rings_open(struct device *d, uint16_t size)
{
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

static void bounce_drop(struct device *d, bool detached)
{
    if (d->bounce != NULL)
        bounce_give(d->guest, d->bounce, detached);
    d->bounce = NULL;
    d->bounce_pages = 0;
}

static int bounce_get(struct device *d, uint32_t pages)
{
    int ret;

    if (d->bounce_pages != pages) {
        bounce_drop(d, true);
        ret = pages != 0 ? bounce_take(d->guest, pages, &d->bounce) : 0;
        if (ret < 0)
            return ret;
        d->bounce_pages = pages;
    }
    return pages != 0 ? bounce_publish(d->guest) : 0;
}

// `count` buffers from the first on.
static struct bounce bounce_buffers(const struct device *d, uint32_t first, uint16_t count)
{
    uint32_t off = first * BOUNCE_BYTES;

    if (count == 0)
        return (struct bounce){ 0 };
    return (struct bounce){ .va = (char *)d->bounce->grant.va + off, .gva = d->bounce->gva + off, .count = count };
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

// What a start needs.
struct plan {
    uint16_t ring_size;
    uint16_t rx_bounce; // buffers
    uint16_t tx_bounce;
    uint32_t bounce_pages;
};

// Both rings have as many entries as the larger queue can use, and 256 at least, which is what 2.2's switch knows.
static struct plan device_plan(const struct device *d)
{
    struct plan p = { .tx_bounce = RTE_MIN(d->tx.n_desc, d->bounce_most) };
    uint16_t rx = d->rx.n_desc, tx = d->tx.windows.n != 0 ? d->tx.n_desc : p.tx_bounce;

    if (!rx_granted(d))
        rx = p.rx_bounce = RTE_MIN(d->rx.n_desc, d->bounce_most);
    p.ring_size = RTE_MAX(rte_align32pow2(RTE_MAX(rx, tx)), XENVIRT_RING_SIZE_DEFAULT);
    p.bounce_pages = ((p.rx_bounce + p.tx_bounce) * BOUNCE_BYTES + XENVIRT_PAGE_BYTES - 1) / XENVIRT_PAGE_BYTES;
    return p;
}

// For the message that there are too few: what this process will have if each device that has nothing yet is like this
// one.
static void grants_expect(const struct device *d, const struct plan *p)
{
    struct guest *g = d->guest;
    unsigned n = RTE_MAX(g->n_devices - g->n_granted_devices, 1);
    uint32_t bounce = n * p->bounce_pages;

    g->wanted = g->granted + n * 2 * (ring_pages(p->ring_size) + 1) + bounce +
                (bounce + XENVIRT_PAIRS_PER_PAGE - 1) / XENVIRT_PAIRS_PER_PAGE;
}

static void grants_count(struct device *d, bool granted)
{
    guest_lock();
    d->guest->n_granted_devices += granted - d->granted;
    d->granted = granted;
    guest_unlock();
}

// Grant what is missing.
static int grants_open(struct device *d, const struct plan *p)
{
    int ret;

    if (!d->granted)
        grants_expect(d, p);
    ret = rings_open(d, p->ring_size);
    if (ret == 0)
        ret = bounce_get(d, p->bounce_pages);
    d->guest->wanted = 0;
    if (ret == 0)
        grants_count(d, true);
    return ret;
}

static int queues_open(struct device *d, const struct plan *p)
{
    struct bounce rx = bounce_buffers(d, 0, p->rx_bounce), tx = bounce_buffers(d, p->rx_bounce, p->tx_bounce);
    int ret = txq_open(&d->tx, d->tx_ring.data.va, d->ring_size, &tx);

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
    struct plan p;
    int ret;

    guest_sweep(d->guest);
    windows_open(&d->tx.windows, d->guest);
    p = device_plan(d);
    ret = grants_open(d, &p);
    if (ret < 0)
        goto close_windows;
    ret = queues_open(d, &p);
    if (ret < 0)
        goto close_windows;
    flag_start(&d->flag, d->mac.addr_bytes);
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

static const char *mac_refusal(int ret)
{
    switch (ret) {
    case -EADDRINUSE:
        return "another guest's device has it, or had it a moment ago: choose another one";
    case -EPERM:
        return "the host's configuration forbids it (guest.mac_change): stop the device first";
    case -EBUSY:
        return "this switch does it for stopped devices only: stop the device first";
    case -ETIMEDOUT:
        return "the switch doesn't answer: is it running, and the device attached?";
    case -EINVAL:
        return "it is no unicast address";
    default:
        return "the host failed to do it; see its log";
    }
}

int device_mac_change(struct device *d, const struct rte_ether_addr *mac)
{
    int ret;

    flag_mac_wish(&d->flag, mac->addr_bytes);
    ret = flag_mac_wait(&d->flag);
    if (ret == 0) {
        rte_ether_addr_copy(mac, &d->mac);
        return 0;
    }
    flag_mac_wish(&d->flag, d->mac.addr_bytes);
    LOG(ERR, "device %u does not get MAC " RTE_ETHER_ADDR_PRT_FMT " while it runs: %s\n", d->index,
        RTE_ETHER_ADDR_BYTES(mac), mac_refusal(ret));
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
    bounce_drop(d, false);
    rings_close(d);
    grants_count(d, false);
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
    guest_lock();
    d->guest->n_devices++;
    guest_unlock();
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
    store_tidy(&d->guest->store, d->index);
    bounce_drop(d, true);
    rings_close(d);
    grants_count(d, false);
    flag_close(&d->flag, d->guest);
    guest_lock();
    d->guest->n_devices--;
    guest_unlock();
    index_release(d->lock);
    guest_close(d->guest);
}
