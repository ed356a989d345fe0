/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hugepage.h"
#include "log.h"

#define MOUNTS_MAX 8u

struct mount {
    char dir[PATH_MAX];
    uint64_t page_kb;
};

static uint64_t page_kb(const char *dir)
{
    struct statfs fs;

    return statfs(dir, &fs) == 0 ? (uint64_t)fs.f_bsize / 1024 : 0;
}

// The mounted hugetlbfs, only dir's if there is one.
static uint32_t mounts_find(struct mount *mounts, const char *dir)
{
    FILE *f = setmntent("/proc/mounts", "r");
    struct mntent *m;
    uint32_t n = 0;

    while (f != NULL && n < MOUNTS_MAX && (m = getmntent(f)) != NULL) {
        size_t len = strlen(m->mnt_dir);

        if (strcmp(m->mnt_type, "hugetlbfs") != 0)
            continue;
        if (dir[0] != '\0' && (strncmp(dir, m->mnt_dir, len) != 0 || (dir[len] != '\0' && dir[len] != '/')))
            continue;
        snprintf(mounts[n].dir, sizeof(mounts[n].dir), "%s", dir[0] != '\0' ? dir : m->mnt_dir);
        mounts[n].page_kb = page_kb(m->mnt_dir);
        n++;
    }
    if (f != NULL)
        endmntent(f);
    return n;
}

static uint64_t pages_read(uint64_t kb, const char *what)
{
    char path[128];
    unsigned long long v = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s", (unsigned long long)kb, what);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu", &v) != 1)
        v = 0;
    fclose(f);
    return v;
}

// Two mounts of one size share their pages.
static uint64_t mounts_free_kb(const struct mount *mounts, uint32_t n)
{
    uint64_t free_kb = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t before = 0;

        while (before < i && mounts[before].page_kb != mounts[i].page_kb)
            before++;
        if (before == i)
            free_kb += mounts[i].page_kb * pages_read(mounts[i].page_kb, "free_hugepages");
    }
    return free_kb;
}

// Does the kernel know hugetlbfs? A PV domain's doesn't.
static bool kernel_can(void)
{
    FILE *f = fopen("/proc/filesystems", "r");
    char line[64];
    bool can = f == NULL;

    while (f != NULL && !can && fgets(line, sizeof(line), f) != NULL)
        can = strstr(line, "hugetlbfs") != NULL;
    if (f != NULL)
        fclose(f);
    return can;
}

int hugepage_check(const char *dir, uint64_t megabytes)
{
    static struct mount mounts[MOUNTS_MAX];
    uint32_t n = mounts_find(mounts, dir);
    const char *where = dir[0] != '\0' ? dir : "/dev/hugepages";
    uint64_t free_kb, more;

    if (n == 0 && !kernel_can()) {
        LOG(ERR, "this kernel has no hugepages, as in every PV domain of Xen; run the switch in a PVH or HVM domain: a "
                 "driver "
                 "domain, or domain 0 with dom0=pvh on Xen's command line");
        return -ENODEV;
    }
    if (n == 0) {
        LOG(ERR, "no hugetlbfs is mounted%s%s; do: mkdir -p %s && mount -t hugetlbfs -o pagesize=2M nodev %s",
            dir[0] != '\0' ? " at " : "", dir, where, where);
        return -ENODEV;
    }
    free_kb = mounts_free_kb(mounts, n);
    if (free_kb >> 10 >= megabytes)
        return 0;
    more = ((megabytes << 10) - free_kb + mounts[0].page_kb - 1) / mounts[0].page_kb;
    LOG(ERR, "needs %llu MB of free hugepages, there are %llu MB; do: echo %llu > %s%llu%s",
        (unsigned long long)megabytes, (unsigned long long)free_kb >> 10,
        (unsigned long long)(pages_read(mounts[0].page_kb, "nr_hugepages") + more),
        "/sys/kernel/mm/hugepages/hugepages-", (unsigned long long)mounts[0].page_kb, "kB/nr_hugepages");
    return -ENOMEM;
}

// EAL holds a lock on each file that it uses.
static void file_clean(int dir, const char *name, bool ours)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (ours || flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(dir, name, 0);
    close(fd);
}

// EAL names them <prefix>map_<number>.
static void mount_clean(const char *dir, const char *prefix, bool ours)
{
    DIR *d = opendir(dir);
    size_t len = strlen(prefix);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, prefix, len) == 0 && strncmp(e->d_name + len, "map_", 4) == 0)
            file_clean(dirfd(d), e->d_name, ours);
    }
    if (d != NULL)
        closedir(d);
}

void hugepage_clean(const char *dir, const char *prefix, bool ours)
{
    static struct mount mounts[MOUNTS_MAX];
    uint32_t n = mounts_find(mounts, dir);

    for (uint32_t i = 0; i < n; i++)
        mount_clean(mounts[i].dir, prefix, ours);
}

// In place of EAL's own (--wrap), which rte_eal_cleanup() ends with: that takes a lock for writing which a worker that was
// killed may have taken with it. The process ends, and the kernel unmaps all.
int __wrap_rte_eal_memory_detach(void);

int __wrap_rte_eal_memory_detach(void)
{
    return 0;
}
