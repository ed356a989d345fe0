/* SPDX-License-Identifier: BSD-3-Clause */
// mempool.c: mempools in granted memory, see rte_eth_xenvirt.h.
#include <errno.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "log.h"
#include "region.h"
#include "rte_eth_xenvirt.h"

// Called by rte_mempool_free() too.
static void granted_free(struct rte_mempool_memhdr *hdr __rte_unused, void *opaque)
{
    struct region *r = opaque;
    struct guest *g = r->guest;

    region_close(r);
    guest_close(g);
}

static int granted_region(struct rte_mempool *mp, struct region **out)
{
    size_t min_chunk, align;
    // Page shift 0: one contiguous range, objects may lie across pages.
    ssize_t bytes = rte_mempool_op_calc_mem_size_default(mp, mp->size, 0, &min_chunk, &align);
    struct guest *g;
    int ret;

    if (bytes < 0)
        return bytes;
    if (bytes > (ssize_t)XENVIRT_PAGES_MAX * XENVIRT_PAGE_BYTES)
        return -E2BIG;
    ret = guest_open(GUEST_ANY, GUEST_ANY, &g);
    if (ret < 0)
        return ret;
    ret = region_open(g, (bytes + XENVIRT_PAGE_BYTES - 1) / XENVIRT_PAGE_BYTES, out);
    if (ret < 0)
        guest_close(g);
    return ret;
}

static int granted_populate(struct rte_mempool *mp)
{
    struct region *r;
    int ret = granted_region(mp, &r);

    if (ret < 0)
        return ret;
    ret = rte_mempool_populate_iova(
        mp, r->offer.data.va, RTE_BAD_IOVA, (size_t)r->offer.data.pages * XENVIRT_PAGE_BYTES, granted_free, r);
    if (ret == (int)mp->size)
        return region_publish(r, mp);
    if (ret <= 0) // else the region belongs to mp already
        granted_free(NULL, r);
    return ret < 0 ? ret : -ENOMEM;
}

static struct rte_mempool *granted_fail(struct rte_mempool *mp, int err)
{
    rte_mempool_free(mp);
    rte_errno = err;
    return NULL;
}

static const char *ops_name(unsigned flags)
{
    bool sp = (flags & RTE_MEMPOOL_F_SP_PUT) != 0, sc = (flags & RTE_MEMPOOL_F_SC_GET) != 0;

    if (sp)
        return sc ? "ring_sp_sc" : "ring_sp_mc";
    return sc ? "ring_mp_sc" : "ring_mp_mc";
}

static struct rte_mempool *granted_create(const char *name, unsigned n, unsigned elt_size, unsigned cache_size,
    unsigned priv_size, int socket_id, unsigned flags, const char *ops)
{
    struct rte_mempool *mp;
    int ret;

    if (rte_eal_process_type() != RTE_PROC_PRIMARY)
        return granted_fail(NULL, ENOTSUP);
    mp = rte_mempool_create_empty(
        name, n, elt_size, cache_size, priv_size, socket_id, flags | RTE_MEMPOOL_F_NO_IOVA_CONTIG);
    if (mp == NULL)
        return NULL;
    ret = rte_mempool_set_ops_byname(mp, ops, NULL);
    return ret == 0 ? mp : granted_fail(mp, -ret);
}

struct rte_mempool *rte_mempool_gntalloc_create(const char *name, unsigned n, unsigned elt_size, unsigned cache_size,
    unsigned private_data_size, rte_mempool_ctor_t *mp_init, void *mp_init_arg, rte_mempool_obj_cb_t *obj_init,
    void *obj_init_arg, int socket_id, unsigned flags)
{
    struct rte_mempool *mp = granted_create(
        name, n, elt_size, cache_size, private_data_size, socket_id, flags, ops_name(flags));
    int ret;

    if (mp == NULL)
        return NULL;
    if (mp_init != NULL)
        mp_init(mp, mp_init_arg);
    ret = granted_populate(mp);
    if (ret < 0)
        return granted_fail(mp, -ret);
    if (obj_init != NULL)
        rte_mempool_obj_iter(mp, obj_init, obj_init_arg);
    return mp;
}

struct rte_mempool *rte_pktmbuf_pool_gntalloc_create(
    const char *name, unsigned n, unsigned cache_size, uint16_t priv_size, uint16_t data_room_size, int socket_id)
{
    struct rte_pktmbuf_pool_private priv = { .mbuf_data_room_size = data_room_size, .mbuf_priv_size = priv_size };
    unsigned elt_size = sizeof(struct rte_mbuf) + priv_size + data_room_size;
    struct rte_mempool *mp;
    int ret;

    if (RTE_ALIGN(priv_size, RTE_MBUF_PRIV_ALIGN) != priv_size)
        return granted_fail(NULL, EINVAL);
    mp = granted_create(name, n, elt_size, cache_size, sizeof(priv), socket_id, 0, rte_mbuf_best_mempool_ops());
    if (mp == NULL)
        return NULL;
    rte_pktmbuf_pool_init(mp, &priv);
    ret = granted_populate(mp);
    if (ret < 0)
        return granted_fail(mp, -ret);
    rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
    return mp;
}

int rte_mempool_gntalloc_free(struct rte_mempool *mp)
{
    struct guest *g;
    struct region *r;
    bool busy;
    int ret = guest_open(GUEST_ANY, GUEST_ANY, &g);

    if (ret < 0)
        return ret;
    r = mp != NULL ? region_find(g, mp) : NULL;
    busy = r != NULL && r->users != 0;
    guest_close(g);
    if (r == NULL)
        return -EINVAL;
    if (busy)
        return -EBUSY;
    rte_mempool_free(mp);
    return 0;
}
