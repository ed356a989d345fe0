/* SPDX-License-Identifier: BSD-3-Clause */
// rte_eth_xenvirt.h: mempools whose frames net_xenvirt sends and receives without a copy in the guest.
//
// A granted mempool is used by every net_xenvirt device of the process that is started after the mempool was created;
// until then, and with every other driver, it is an ordinary mempool without IOVA addresses. Primary process only.
#ifndef RTE_ETH_XENVIRT_H
#define RTE_ETH_XENVIRT_H

#include <rte_mempool.h>

#ifdef __cplusplus
extern "C" {
#endif

// As rte_mempool_create(), on pages granted to the back end of the guest. Returns NULL and sets rte_errno:
// E2BIG: more than 128 MiB; ENOSPC: 16 mempools of this guest are granted, or the grant device's limit is reached.
struct rte_mempool *rte_mempool_gntalloc_create(const char *name, unsigned n, unsigned elt_size, unsigned cache_size,
    unsigned private_data_size, rte_mempool_ctor_t *mp_init, void *mp_init_arg, rte_mempool_obj_cb_t *obj_init,
    void *obj_init_arg, int socket_id, unsigned flags);

// As rte_pktmbuf_pool_create(), likewise.
struct rte_mempool *rte_pktmbuf_pool_gntalloc_create(
    const char *name, unsigned n, unsigned cache_size, uint16_t priv_size, uint16_t data_room_size, int socket_id);

// Withdraw and free a granted mempool, with all objects back in it. -EBUSY while a net_xenvirt device is started that
// was started after the mempool was created; -EINVAL if mp isn't granted.
int rte_mempool_gntalloc_free(struct rte_mempool *mp);

#ifdef __cplusplus
}
#endif

#endif
