/* SPDX-License-Identifier: BSD-3-Clause */
// stats.c: counters. The lcores of the queues alone write them, so a reset, which may come from any lcore and from a
// secondary process, takes note of where they stand.
#include <stddef.h>
#include <stdio.h>

#include "device.h"
#include "ethdev.h"

struct counter {
    const char *name;
    size_t at, base; // in struct device
};

#define COUNTER(text, queue, member) \
    { \
        text, offsetof(struct device, queue.counts.member), offsetof(struct device, queue.base.member) \
    }

static const struct counter counters[] = {
    COUNTER("rx_q0_bad_length_errors", rx, bad_length),
    COUNTER("rx_q0_oversized_errors", rx, oversized),
    COUNTER("rx_q0_no_mbuf_errors", rx, no_mbuf),
    COUNTER("tx_q0_undersized_errors", tx, runts),
    COUNTER("tx_q0_oversized_errors", tx, oversized),
    COUNTER("tx_q0_ring_full", tx, ring_full),
    COUNTER("tx_q0_bounced_packets", tx, bounced),
    COUNTER("tx_q0_zero_copy_packets", tx, zero_copy),
};

// After the counters: why a ring is broken, enum ring_fault; 0: it isn't.
static const struct {
    const char *name;
    size_t at;
} faults[] = {
    { "rx_q0_ring_fault", offsetof(struct device, rx.ring.fault) },
    { "tx_q0_ring_fault", offsetof(struct device, tx.ring.fault) },
};

#define XSTATS (RTE_DIM(counters) + RTE_DIM(faults))

static uint64_t word_at(const struct device *d, size_t at)
{
    return __atomic_load_n((const uint64_t *)((const char *)d + at), __ATOMIC_RELAXED);
}

#define SINCE(d, queue, member) \
    (word_at(d, offsetof(struct device, queue.counts.member)) - word_at(d, offsetof(struct device, queue.base.member)))

int xenvirt_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
    const struct device *d = dev->data->dev_private;

    stats->ipackets = stats->q_ipackets[0] = SINCE(d, rx, frames);
    stats->ibytes = stats->q_ibytes[0] = SINCE(d, rx, bytes);
    stats->ierrors = stats->q_errors[0] = SINCE(d, rx, bad_length) + SINCE(d, rx, oversized);
    stats->rx_nombuf = SINCE(d, rx, no_mbuf);
    stats->opackets = stats->q_opackets[0] = SINCE(d, tx, frames);
    stats->obytes = stats->q_obytes[0] = SINCE(d, tx, bytes);
    stats->oerrors = SINCE(d, tx, runts) + SINCE(d, tx, oversized);
    return 0;
}

int xenvirt_stats_reset(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;

    d->rx.base = d->rx.counts;
    d->tx.base = d->tx.counts;
    return 0;
}

static uint64_t xstat_value(const struct device *d, unsigned i)
{
    if (i < RTE_DIM(counters))
        return word_at(d, counters[i].at) - word_at(d, counters[i].base);
    return *(const enum ring_fault *)((const char *)d + faults[i - RTE_DIM(counters)].at);
}

int xenvirt_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned n)
{
    for (unsigned i = 0; n >= XSTATS && i < XSTATS; i++)
        xstats[i] = (struct rte_eth_xstat){ .id = i, .value = xstat_value(dev->data->dev_private, i) };
    return XSTATS;
}

int xenvirt_xstats_names(struct rte_eth_dev *dev __rte_unused, struct rte_eth_xstat_name *names, unsigned n)
{
    for (unsigned i = 0; names != NULL && n >= XSTATS && i < XSTATS; i++) {
        const char *name = i < RTE_DIM(counters) ? counters[i].name : faults[i - RTE_DIM(counters)].name;

        snprintf(names[i].name, sizeof(names[i].name), "%s", name);
    }
    return XSTATS;
}
