/* SPDX-License-Identifier: BSD-3-Clause */
// index.c: a number is taken while a file lock on it is held.
//
// XenStore keys outlive a killed process, a file lock doesn't: whoever gets the lock knows that keys under this number
// are nobody's. The files lie beside EAL's runtime directories, which all DPDK processes of a user share whatever their
// --file-prefix, and are named by domain, so that simulated domains on one machine don't meet. They are never removed:
// removing a lock file races with the next one to take it.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <rte_eal.h>

#include "index.h"

int index_claim(const char *kind, uint32_t domid, unsigned i)
{
    char path[PATH_MAX];
    int fd, ret;

    ret = snprintf(path, sizeof(path), "%s/../xenvirt.%u.%s.%u.lock", rte_eal_get_runtime_dir(), domid, kind, i);
    if (ret >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    ret = errno == EWOULDBLOCK ? -EBUSY : -errno;
    close(fd);
    return ret;
}

int index_claim_any(const char *kind, uint32_t domid, unsigned max, unsigned *i)
{
    int fd = -ENOSPC;

    for (*i = 0; *i < max; (*i)++) {
        fd = index_claim(kind, domid, *i);
        if (fd != -EBUSY)
            return fd;
    }
    return -ENOSPC;
}

void index_release(int fd)
{
    close(fd);
}
