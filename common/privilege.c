/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege.h"

// Without CAP_SETPCAP that fails, and no_new_privs makes it worth nothing anyway.
static void bound(uint64_t mask)
{
    for (int c = 0; c < 64 && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
        if ((mask & PRIVILEGE(c)) == 0)
            prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

int privilege_keep(uint64_t mask, uint64_t of_programs)
{
    struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];

    bound(of_programs);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &h, d) < 0)
        return -errno;
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        d[i].permitted &= (uint32_t)(mask >> (32 * i));
        d[i].effective = d[i].permitted;
        d[i].inheritable = 0;
    }
    return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

int privilege_leave_network(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}
