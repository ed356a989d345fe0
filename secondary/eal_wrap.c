/* SPDX-License-Identifier: BSD-3-Clause */
// eal.c: what a worker's EAL leaves out, so that one that is killed takes no lock with it that others wait for.
//
// EAL keeps its locks in the memory that all its processes share, and they are not robust. Nothing here is needed by a worker;
// the linker puts these in place of EAL's own (--wrap).
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

int32_t __wrap_rte_service_init(void);
int32_t __wrap_rte_service_start_with_defaults(void);
int __wrap_rte_eal_memzone_init(void);
bool __wrap___rte_mp_enable(void);
void __wrap_rte_mcfg_mem_read_lock(void);
void __wrap_rte_mcfg_mem_read_unlock(void);
int __wrap_rte_mp_channel_init(void);
int __wrap_rte_vfio_enable(const char *module);

// Service cores: memory of the shared heap, under its lock. A worker that is killed never gives it back: 156 kB a start, and
// after some 200 no worker could start any more.
int32_t __wrap_rte_service_init(void)
{
    return 0;
}

int32_t __wrap_rte_service_start_with_defaults(void)
{
    return -ENOTSUP; // as without service cores on the command line
}

// The list of memzones: attached to under a lock for writing, in secondaries too. The state file says where the fabric is.
int __wrap_rte_eal_memzone_init(void)
{
    return 0;
}

// xv-primary lets nobody join (primary/eal_wrap.c), but for workers.
bool __wrap___rte_mp_enable(void)
{
    return true;
}

// The list of the memory's pieces, which never changes: a program that EAL refused may have died with this lock.
void __wrap_rte_mcfg_mem_read_lock(void)
{
}

void __wrap_rte_mcfg_mem_read_unlock(void)
{
}

// The socket on which EAL's processes ask each other, and a thread for it: xv-primary has none.
int __wrap_rte_mp_channel_init(void)
{
    return 0;
}

// It would ask the primary for a container there. A worker has no device.
int __wrap_rte_vfio_enable(const char *module)
{
    (void)module;
    return 0;
}
