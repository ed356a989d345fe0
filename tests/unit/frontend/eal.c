/* SPDX-License-Identifier: BSD-3-Clause */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "eal.h"
#include "xen.h"

static char run_dir[] = "/tmp/xv-test-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void eal_stop(void)
{
    nftw(run_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void eal_start(void)
{
    char *argv[] = { "test", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
        "--log-level=lib.eal:error", NULL };

    if (mkdtemp(run_dir) == NULL)
        abort();
    setenv("RUNTIME_DIRECTORY", run_dir, 1);
    if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
        abort();
}

struct rte_mempool *eal_pool(const char *name, unsigned n)
{
    return rte_pktmbuf_pool_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

uint16_t eal_device(struct rte_mempool **mp)
{
    uint16_t port;

    eal_start();
    xen_key_set("domid", "7");
    *mp = eal_pool("pool", 1023);
    cr_assert_not_null(*mp);
    cr_assert_eq(rte_vdev_init("net_xenvirt0", "mac=00:00:00:00:00:11"), 0);
    cr_assert_eq(rte_eth_dev_get_port_by_name("net_xenvirt0", &port), 0);
    return port;
}

struct rte_mbuf *eal_frame(struct rte_mempool *mp, unsigned len, uint8_t first)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(mp);
    uint8_t *at = (uint8_t *)rte_pktmbuf_append(m, len);

    for (unsigned i = 0; i < len; i++)
        at[i] = first + i;
    return m;
}
