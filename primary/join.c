/* SPDX-License-Identifier: BSD-3-Clause */
// join.c: no program joins but xv-worker, which knows how to be killed.
//
// DPDK's tools (dpdk-proc-info, dpdk-pdump, dpdk-dumpcap) take EAL's locks in shared memory while they start and run, and
// mbufs and rings when they capture; one that is killed then takes the switch with it. EAL refuses them before the first lock,
// as its program asked for, which is done here before anybody may join. The linker puts these in place of EAL's own (--wrap).
#define ALLOW_EXPERIMENTAL_API // rte_mp_disable()

#include <rte_eal.h>

#include "log.h"

void __real_eal_mcfg_complete(void);
void __wrap_eal_mcfg_complete(void);
void __wrap_rte_mcfg_mem_read_lock(void);
void __wrap_rte_mcfg_mem_read_unlock(void);

void __wrap_eal_mcfg_complete(void)
{
    if (!rte_mp_disable())
        LOG(ERR, "EAL lets DPDK's tools join: don't, one that is killed can stop the switch");
    __real_eal_mcfg_complete();
}

// A tool that is refused may yet take this lock, for writing, as it ends. Nothing here needs it: --legacy-mem has all memory
// from the start to the end.
void __wrap_rte_mcfg_mem_read_lock(void)
{
}

void __wrap_rte_mcfg_mem_read_unlock(void)
{
}
