/* SPDX-License-Identifier: BSD-3-Clause */
#include "multicast.h"
#include "ether.h"
#include "fdb.h"

#define BROADCAST 0xffffffffffffull

static uint64_t *entry_find(struct state_vif *v, uint64_t key)
{
    for (uint32_t i = 0; i < NETIF_MULTICASTS_MAX; i++)
        if (v->multicasts[i] == key)
            return &v->multicasts[i];
    return NULL;
}

static void entry_write(uint64_t *entry, uint64_t key)
{
    __atomic_store_n(entry, key, __ATOMIC_RELAXED);
}

void multicast_clear(struct state_vif *v)
{
    for (uint32_t i = 0; i < NETIF_MULTICASTS_MAX; i++)
        entry_write(&v->multicasts[i], 0);
}

bool multicast_add(struct state_vif *v, const uint8_t mac[6])
{
    uint64_t *entry = entry_find(v, fdb_key(mac));

    if (!mac_is_group(mac))
        return false;
    if (entry == NULL)
        entry = entry_find(v, 0);
    if (entry != NULL)
        entry_write(entry, fdb_key(mac));
    return entry != NULL;
}

void multicast_drop(struct state_vif *v, const uint8_t mac[6])
{
    uint64_t *entry = mac_is_group(mac) ? entry_find(v, fdb_key(mac)) : NULL;

    if (entry != NULL)
        entry_write(entry, 0);
}

bool multicast_wants(const struct state_vif *v, const uint8_t mac[6])
{
    uint64_t key = fdb_key(mac);
    bool wanted = !mac_is_group(mac) || key == BROADCAST;

    for (uint32_t i = 0; i < NETIF_MULTICASTS_MAX && !wanted; i++)
        wanted = v->multicasts[i] == key;
    return wanted;
}
