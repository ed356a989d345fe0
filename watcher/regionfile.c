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

#include "regionfile.h"

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
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0400);
    if (fd < 0)
        return -errno;
    ret = write_all(fd, (const char *)t, bytes);
    close(fd);
    if (ret == 0 && rename(tmp, path) < 0)
        ret = -errno;
    if (ret < 0)
        unlink(tmp);
    file_describe(f, t, bytes);
    return ret;
}

static int file_read(struct region_file *f, int fd, size_t bytes)
{
    struct region_table *t = malloc(bytes);
    int ret = t == NULL ? -ENOMEM : 0;

    if (ret == 0 && (read(fd, t, bytes) != (ssize_t)bytes || region_table_check(t, bytes) < 0))
        ret = -EBADMSG;
    if (ret == 0)
        file_describe(f, t, bytes);
    free(t);
    return ret;
}

int region_file_find(struct region_file *f, const char *run_dir, uint32_t vif, uint32_t gen)
{
    char path[PATH_MAX];
    struct stat st;
    int fd, ret;

    file_name(f, vif, gen);
    if (file_path(path, run_dir, f->name, "") < 0)
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct region_table) || st.st_size > (off_t)FILE_BYTES_MAX)
        ret = -EBADMSG;
    else
        ret = file_read(f, fd, (size_t)st.st_size);
    close(fd);
    return ret;
}

void region_file_remove(struct region_file *f, const char *run_dir)
{
    char path[PATH_MAX];

    if (f->name[0] != '\0' && file_path(path, run_dir, f->name, "") == 0)
        unlink(path);
    *f = (struct region_file){ 0 };
}

void region_files_clean(const char *run_dir, _Bool (*keep)(uint32_t vif, uint32_t gen, void *arg), void *arg)
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
