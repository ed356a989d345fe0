/* SPDX-License-Identifier: BSD-3-Clause */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#include "ring.h"
#include "run.h"

static uint32_t domid;
static struct xenstore_domain_interface *ring;
static int evtchn_fd;

static void ring_make(const char *dir)
{
    char path[PATH_MAX];
    int fd;

    if (run_path(path, dir, domid, "ring") < 0)
        err(1, "ring");
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        err(1, "%s", path);
    ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED)
        err(1, "%s", path);
    close(fd);
}

static int fifo_open(const char *dir, uint32_t of_domid, const char *file)
{
    char path[PATH_MAX];
    int fd;

    if (run_path(path, dir, of_domid, file) < 0)
        err(1, "%s", file);
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        err(1, "%s", path);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    return fd;
}

int ring_open(const char *dir, uint32_t of_domid)
{
    int kick_fd;

    domid = of_domid;
    ring_make(dir);
    kick_fd = fifo_open(dir, domid, "kick");
    evtchn_fd = fifo_open(dir, RUN_NO_DOMAIN, "evtchn");
    return kick_fd;
}

void ring_reset(void)
{
    memset(ring, 0, sizeof(*ring));
}

void ring_kick(void)
{
    // A full FIFO holds events enough to make xenstored look.
    if (write(evtchn_fd, &domid, sizeof(domid)) < 0 && errno != EAGAIN)
        err(1, "evtchn");
}

// Release pairs with xenstored's barriers: the bytes are there before the index says so.
size_t ring_put(const char *data, size_t len)
{
    uint32_t cons = __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE), prod = ring->req_prod, room;
    size_t i;

    room = XENSTORE_RING_SIZE - (prod - cons);
    for (i = 0; i < len && i < room; i++)
        ring->req[MASK_XENSTORE_IDX(prod + i)] = data[i];
    __atomic_store_n(&ring->req_prod, prod + i, __ATOMIC_RELEASE);
    return i;
}

size_t ring_get(char *data, size_t len)
{
    uint32_t prod = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE), cons = ring->rsp_cons;
    size_t i;

    for (i = 0; i < len && i < prod - cons; i++)
        data[i] = ring->rsp[MASK_XENSTORE_IDX(cons + i)];
    __atomic_store_n(&ring->rsp_cons, cons + i, __ATOMIC_RELEASE);
    return i;
}
