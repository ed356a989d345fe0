/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "region_file.h"

#define REGION_FILE_BYTES_MAX \
    (sizeof(struct region_table) + REGIONS_MAX * sizeof(struct region) + \
        (uint64_t)REGIONS_MAX * XENVIRT_PAGES_MAX * sizeof(uint32_t))

static int file_read(const char *run_dir, const char *name, void *to, size_t bytes)
{
    char path[PATH_MAX];
    ssize_t got;
    int fd, ret;

    if (snprintf(path, sizeof(path), "%s/%s", run_dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    got = pread(fd, to, bytes, 0);
    ret = got < 0 ? -errno : (size_t)got == bytes ? 0 : -EBADMSG;
    close(fd);
    return ret;
}

static int table_is(const struct region_table *t, const struct msg_vif_attach *m, uint32_t domid)
{
    int ret = region_table_check(t, m->region_bytes);

    if (ret < 0)
        return ret;
    if (t->domid != domid || t->vif != m->vif || t->gen != m->gen)
        return -EBADMSG;
    for (uint32_t ring = REGION_RX_RING; ring <= REGION_TX_RING; ring++) {
        if (region_first(t)[ring].n_pages != region_ring_pages(m->ring_size))
            return -EBADMSG;
    }
    return 0;
}

int region_file_read(const char *run_dir, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table)
{
    struct region_table *t;
    int ret;

    if (m->region_bytes < sizeof(*t) || m->region_bytes > REGION_FILE_BYTES_MAX)
        return -EBADMSG;
    t = malloc(m->region_bytes);
    if (t == NULL)
        return -ENOMEM;
    ret = file_read(run_dir, m->region_file, t, m->region_bytes);
    if (ret == 0 && region_sum(t, m->region_bytes) != m->region_sum)
        ret = -EBADMSG;
    if (ret == 0)
        ret = table_is(t, m, domid);
    if (ret < 0) {
        free(t);
        return ret;
    }
    *table = t;
    return 0;
}
