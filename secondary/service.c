/* SPDX-License-Identifier: BSD-3-Clause */
// service.c: EAL without its service cores.
//
// rte_eal_init() sets them up in every process, with memory of the heap that all processes share. A worker that is
// killed never gives that back: 115 kB a start, and after some 200 no worker can start any more. A kill in the middle
// leaves the heap's lock held. Workers have no services; the linker puts these in place of EAL's (--wrap).
#include <errno.h>
#include <stdint.h>

int32_t __wrap_rte_service_init(void);
int32_t __wrap_rte_service_start_with_defaults(void);

int32_t __wrap_rte_service_init(void)
{
    return 0;
}

int32_t __wrap_rte_service_start_with_defaults(void)
{
    return -ENOTSUP; // as without service cores on the command line
}
