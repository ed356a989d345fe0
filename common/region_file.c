/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "region_file.h"
#include "rundir.h"

#define FILE_BYTES_MIN sizeof(struct region_table)
#define FILE_BYTES_MAX \
    (sizeof(struct region_table) + REGIONS_MAX * (sizeof(struct region) + XENVIRT_PAGES_MAX * sizeof(uint32_t)))

static void file_name(struct region_file *f, uint32_t vif, uint32_t gen)
{
    *f = (struct region_file){ 0 };
    snprintf(f->name, sizeof(f->name), REGION_FILE, vif, gen);
}

static int file_path(char path[PATH_MAX], const char *run_dir, const char *name, const char *suffix)
{
    return snprintf(path, PATH_MAX, "%s/%s%s", run_dir, name, suffix) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = write(fd, p, n);

        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return 0;
}

static void file_describe(struct region_file *f, const struct region_table *t, size_t bytes)
{
    f->bytes = bytes;
    f->sum = region_sum(t, bytes);
}

int region_file_write(struct region_file *f, const char *run_dir, const struct region_table *t, size_t bytes)
{
    char tmp[PATH_MAX], path[PATH_MAX];
    int fd, ret;

    file_name(f, t->vif, t->gen);
    if (file_path(tmp, run_dir, f->name, ".new") < 0 || file_path(path, run_dir, f->name, "") < 0)
        return -ENAMETOOLONG;
    unlink(tmp);
    fd = rundir_open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0400);
    if (fd < 0)
        return fd;
    ret = write_all(fd, (const char *)t, bytes);
    close(fd);
    if (ret == 0 && rename(tmp, path) < 0)
        ret = -errno;
    if (ret < 0)
        unlink(tmp);
    file_describe(f, t, bytes);
    return ret;
}

// The first bytes of a file, to be freed. A file that has fewer is -EBADMSG.
static int table_load(int fd, uint64_t bytes, struct region_table **table)
{
    struct region_table *t;
    ssize_t got;

    if (bytes < FILE_BYTES_MIN || bytes > FILE_BYTES_MAX)
        return -EBADMSG;
    t = malloc(bytes);
    if (t == NULL)
        return -ENOMEM;
    got = pread(fd, t, bytes, 0);
    if (got == (ssize_t)bytes) {
        *table = t;
        return 0;
    }
    free(t);
    return got < 0 ? -errno : -EBADMSG;
}

static int file_open(const char *run_dir, const char *name)
{
    char path[PATH_MAX];

    if (file_path(path, run_dir, name, "") < 0)
        return -ENAMETOOLONG;
    return rundir_open(path, O_RDONLY, 0);
}

int region_file_find(
    struct region_file *f, const char *run_dir, uint32_t vif, uint32_t gen, struct region_table **table)
{
    struct region_table *t = NULL;
    struct stat st;
    int fd, ret;

    file_name(f, vif, gen);
    fd = file_open(run_dir, f->name);
    if (fd < 0)
        return fd;
    ret = fstat(fd, &st) < 0 ? -EBADMSG : table_load(fd, (uint64_t)st.st_size, &t);
    close(fd);
    if (ret == 0 && region_table_check(t, (size_t)st.st_size) < 0)
        ret = -EBADMSG;
    if (ret < 0) {
        free(t);
        return ret;
    }
    file_describe(f, t, (size_t)st.st_size);
    *table = t;
    return 0;
}

// Returns 0 if t, which has the size and the sum that m says, is good and is the one for m's vif.
static int table_is(const struct region_table *t, const struct msg_vif_attach *m, uint32_t domid)
{
    int ret = region_table_check(t, m->region_bytes);

    if (ret < 0)
        return ret;
    return t->domid == domid && t->vif == m->vif && t->gen == m->gen ? 0 : -EBADMSG;
}

int region_file_open(const struct region_file *f, const char *run_dir)
{
    return f->name[0] != '\0' ? file_open(run_dir, f->name) : -ENOENT;
}

int region_file_read(int fd, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table)
{
    struct region_table *t = NULL;
    int ret = table_load(fd, m->region_bytes, &t);

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

void region_file_remove(struct region_file *f, const char *run_dir)
{
    char path[PATH_MAX];

    if (f->name[0] != '\0' && file_path(path, run_dir, f->name, "") == 0)
        unlink(path);
    *f = (struct region_file){ 0 };
}

void region_files_clean(const char *run_dir, bool (*keep)(uint32_t vif, uint32_t gen, void *arg), void *arg)
{
    DIR *dir = opendir(run_dir);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        uint32_t vif, gen;
        int at = 0;

        if (sscanf(e->d_name, REGION_FILE "%n", &vif, &gen, &at) != 2 || at == 0)
            continue;
        if (e->d_name[at] != '\0' || !keep(vif, gen, arg))
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
}
