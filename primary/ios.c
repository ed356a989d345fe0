/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "clock.h"
#include "ios.h"
#include "log.h"
#include "telemetry.h"
#include "vif.h"

#define STOP_MS 5000u // an I/O lcore that takes longer to stop hangs

static int ios_make(struct primary *p)
{
    for (uint32_t i = 0; i < p->n_io; i++) {
        p->ios[i] = io_new(i, p->fabric, p->state, p->conf);
        if (p->ios[i] == NULL) {
            LOG(ERR, "no memory for I/O lcore %u", i);
            return -ENOMEM;
        }
        p->ios[i]->alone = rte_lcore_count() == 1;
    }
    // What an earlier primary had is in the state still.
    for (uint32_t i = 0; i < STATE_PORTS_MAX * STATE_QUEUES_MAX; i++)
        atomic_store_explicit(&p->state->queues[0][i].used, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < p->n_nics; i++) {
        for (uint16_t turn = 0; turn < p->nics[i].n_tx; turn++)
            io_uplink_add(p->ios[(i + turn) % p->n_io], &p->nics[i], (uint16_t)i, turn);
    }
    return 0;
}

int ios_start(struct primary *p)
{
    struct state_fabric *at = &p->state->fabric;
    unsigned int lcore;
    uint32_t i = 0;
    int ret = ios_make(p);

    if (ret < 0)
        return ret;
    vifs_remember(p);
    snprintf(at->path, sizeof(at->path), "%s", p->fabric_path);
    // Release: pairs with the workers' acquire.
    atomic_store_explicit(&at->epoch, p->fabric->epoch, memory_order_release);
    RTE_LCORE_FOREACH_WORKER(lcore) {
        if (i < p->n_io)
            rte_eal_remote_launch(io_run, p->ios[i++], lcore);
    }
    ret = telemetry_open(p);
    if (ret < 0)
        LOG(WARNING, "telemetry has no /xv: %s", strerror(-ret));
    return 0;
}

// Returns false, after it said so, if one doesn't stop.
static bool lcores_wait(void)
{
    uint64_t until = clock_ms() + STOP_MS;
    unsigned int lcore;

    RTE_LCORE_FOREACH_WORKER(lcore) {
        while (rte_eal_get_lcore_state(lcore) == RUNNING) {
            if (clock_ms() > until) {
                LOG(ERR, "lcore %u does not stop; ending without it", lcore);
                return false;
            }
            usleep(1000);
        }
    }
    return true;
}

bool ios_stop(struct primary *p)
{
    for (uint32_t i = 0; i < p->n_io; i++) {
        if (p->ios[i] != NULL)
            io_stop(p->ios[i]);
    }
    if (!lcores_wait())
        return false;
    for (uint32_t i = 0; i < p->n_io; i++) {
        if (p->ios[i] != NULL)
            io_free(p->ios[i]);
    }
    return true;
}
