/* SPDX-License-Identifier: BSD-3-Clause */
// eal_wrap.c: what xv-primary's EAL does otherwise. The linker puts these in place of EAL's own (--wrap).
//
// EAL keeps its locks in the memory that all its processes share, and they are not robust: who is killed with one stops
// whoever wants it next. So the primary takes none that a worker or a tool may have taken with it.
#define ALLOW_EXPERIMENTAL_API // rte_mp_disable()

#include <rte_eal.h>

#include "hugepage.h"
#include "log.h"

int __real_eal_parse_sysfs_value(const char *path, unsigned long *value);
int __wrap_eal_parse_sysfs_value(const char *path, unsigned long *value);
void __real_eal_mcfg_complete(void);
void __wrap_eal_mcfg_complete(void);
void __wrap_rte_mcfg_mem_read_lock(void);
void __wrap_rte_mcfg_mem_read_unlock(void);
int __wrap_rte_eal_memory_detach(void);
int __wrap_rte_mp_channel_init(void);

// EAL with --legacy-mem takes all free pages of the machine, zeroes them and gives back what is too much. For that
// moment no other program could start, and it takes seconds where gigabytes are free. So it hears of as many as it is
// to keep, and one more for each node, as it rounds up there.
int __wrap_eal_parse_sysfs_value(const char *path, unsigned long *value)
{
    int ret = __real_eal_parse_sysfs_value(path, value);

    if (ret >= 0)
        hugepage_heard(path, value);
    return ret;
}

// No program joins but xv-worker, which knows how to be killed. DPDK's tools (dpdk-proc-info, dpdk-pdump, dpdk-dumpcap)
// take EAL's locks while they start and run, and mbufs and rings when they capture. EAL refuses them before the first
// lock, as its program asked for, which is done here before anybody may join.
void __wrap_eal_mcfg_complete(void)
{
    if (!rte_mp_disable())
        LOG(ERR, "EAL lets DPDK's tools join: don't, one that is killed can stop the switch");
    __real_eal_mcfg_complete();
}

// A tool that is refused may yet take this lock, for writing, as it ends. Nothing here needs it: --legacy-mem has all
// memory from the start to the end.
void __wrap_rte_mcfg_mem_read_lock(void)
{
}

void __wrap_rte_mcfg_mem_read_unlock(void)
{
}

// rte_eal_cleanup() ends with it, and it takes a lock for writing which a worker that was killed may have taken with
// it. The process ends, and the kernel unmaps all.
int __wrap_rte_eal_memory_detach(void)
{
    return 0;
}

// The socket on which EAL's processes ask each other, to free memory or take a device away for instance: it believes
// whoever sends. No worker asks.
int __wrap_rte_mp_channel_init(void)
{
    return 0;
}
