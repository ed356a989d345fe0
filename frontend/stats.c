/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "ethdev.h"

static const struct {
    const char *name;
    size_t at; // in struct device
} counters[] = {
    { "rx_q0_bad_length_errors", offsetof(struct device, rx.counts.bad_length) },
    { "rx_q0_oversized_errors", offsetof(struct device, rx.counts.oversized) },
    { "rx_q0_no_mbuf_errors", offsetof(struct device, rx.counts.no_mbuf) },
    { "tx_q0_undersized_errors", offsetof(struct device, tx.counts.runts) },
    { "tx_q0_oversized_errors", offsetof(struct device, tx.counts.oversized) },
    { "tx_q0_ring_full", offsetof(struct device, tx.counts.ring_full) },
    { "tx_q0_bounced_packets", offsetof(struct device, tx.counts.bounced) },
    { "tx_q0_zero_copy_packets", offsetof(struct device, tx.counts.zero_copy) },
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

int xenvirt_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
    const struct device *d = dev->data->dev_private;
    const struct rx_counts *rx = &d->rx.counts;
    const struct tx_counts *tx = &d->tx.counts;

    stats->ipackets = stats->q_ipackets[0] = rx->frames;
    stats->ibytes = stats->q_ibytes[0] = rx->bytes;
    stats->ierrors = stats->q_errors[0] = rx->bad_length + rx->oversized;
    stats->rx_nombuf = rx->no_mbuf;
    stats->opackets = stats->q_opackets[0] = tx->frames;
    stats->obytes = stats->q_obytes[0] = tx->bytes;
    stats->oerrors = tx->runts + tx->oversized;
    return 0;
}

int xenvirt_stats_reset(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;

    memset(&d->rx.counts, 0, sizeof(d->rx.counts));
    memset(&d->tx.counts, 0, sizeof(d->tx.counts));
    return 0;
}

static uint64_t xstat_value(const struct device *d, unsigned i)
{
    if (i < RTE_DIM(counters))
        return *(const uint64_t *)((const char *)d + counters[i].at);
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
