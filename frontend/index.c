/* SPDX-License-Identifier: BSD-3-Clause */
// index.c: a number is taken while a file lock on it is held.
//
// XenStore keys outlive a killed process, a file lock doesn't: whoever gets the lock knows that keys under this number
// are nobody's. The files lie beside EAL's runtime directories, which all DPDK processes of a user share whatever their
// --file-prefix, and are named by the domain's UUID, so that simulated domains on one machine don't meet. They are
// never removed: removing a lock file races with the next one to take it. The gate is there because whoever sweeps up
// dead keys takes numbers for a moment, which must not make another process believe that they are in use.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <rte_eal.h>

#include "index.h"

static int lock_open(const char *guest, const char *name, int operation)
{
    char path[PATH_MAX];
    int fd, ret;

    ret = snprintf(path, sizeof(path), "%s/../xenvirt.%s.%s.lock", rte_eal_get_runtime_dir(), guest, name);
    if (ret >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, operation) == 0)
        return fd;
    ret = errno == EWOULDBLOCK ? -EBUSY : -errno;
    close(fd);
    return ret;
}

int index_gate(const char *guest)
{
    return lock_open(guest, "gate", LOCK_EX);
}

int index_claim(const char *guest, const char *kind, unsigned i)
{
    char name[32];

    snprintf(name, sizeof(name), "%s.%u", kind, i);
    return lock_open(guest, name, LOCK_EX | LOCK_NB);
}

int index_claim_any(const char *guest, const char *kind, unsigned max, unsigned *i)
{
    int gate = index_gate(guest), fd = -EBUSY;

    if (gate < 0)
        return gate;
    for (*i = 0; *i < max; (*i)++) {
        fd = index_claim(guest, kind, *i);
        if (fd != -EBUSY)
            break;
    }
    index_release(gate);
    return fd == -EBUSY ? -ENOSPC : fd;
}

void index_release(int fd)
{
    close(fd);
}
