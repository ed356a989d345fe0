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

#include <rte_eal.h>
#include <rte_lcore.h>

#include "hugepage.h"
#include "log.h"

#define MOUNTS_MAX 8u
#define SYSFS "/sys/kernel/mm/hugepages/hugepages-%llukB/"

struct mount {
    char dir[PATH_MAX];
    uint64_t page_kb;
    uint64_t size_kb; // as mounted with size=, or UINT64_MAX
    uint64_t left_kb; // of it
};

static void mount_size(struct mount *m, const char *dir)
{
    struct statfs fs;

    if (statfs(dir, &fs) < 0)
        return;
    m->page_kb = (uint64_t)fs.f_bsize / 1024;
    m->size_kb = fs.f_blocks > 0 ? fs.f_blocks * m->page_kb : UINT64_MAX;
    m->left_kb = fs.f_blocks > 0 ? fs.f_bavail * m->page_kb : UINT64_MAX;
}

// The mounted hugetlbfs, only dir's if there is one.
static uint32_t mounts_find(struct mount *mounts, const char *dir)
{
    FILE *f = setmntent("/proc/mounts", "r");
    struct mntent *m;
    uint32_t n = 0;

    while (f != NULL && n < MOUNTS_MAX && (m = getmntent(f)) != NULL) {
        size_t len = strlen(m->mnt_dir);

        mounts[n] = (struct mount){ .size_kb = UINT64_MAX, .left_kb = UINT64_MAX };
        if (strcmp(m->mnt_type, "hugetlbfs") != 0)
            continue;
        if (dir[0] != '\0' && (strncmp(dir, m->mnt_dir, len) != 0 || (dir[len] != '\0' && dir[len] != '/')))
            continue;
        snprintf(mounts[n].dir, sizeof(mounts[n].dir), "%s", dir[0] != '\0' ? dir : m->mnt_dir);
        mount_size(&mounts[n], m->mnt_dir);
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

    snprintf(path, sizeof(path), SYSFS "%s", (unsigned long long)kb, what);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu", &v) != 1)
        v = 0;
    fclose(f);
    return v;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

// Pages that a program can have now. Those that another one mapped and hasn't touched are free and yet not to be had.
static uint64_t pages_free(uint64_t kb)
{
    return minus(pages_read(kb, "free_hugepages"), pages_read(kb, "resv_hugepages")) +
           minus(pages_read(kb, "nr_overcommit_hugepages"), pages_read(kb, "surplus_hugepages"));
}

// And if no other program had any.
static uint64_t pages_all(uint64_t kb)
{
    return minus(pages_read(kb, "nr_hugepages"), pages_read(kb, "surplus_hugepages")) +
           pages_read(kb, "nr_overcommit_hugepages");
}

static bool size_seen(const struct mount *mounts, uint32_t i)
{
    uint32_t before = 0;

    while (before < i && mounts[before].page_kb != mounts[i].page_kb)
        before++;
    return before < i;
}

// Two mounts of one size share their pages, and EAL takes the first.
static uint64_t mounts_free_kb(const struct mount *mounts, uint32_t n)
{
    uint64_t free_kb = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t kb = size_seen(mounts, i) ? 0 : mounts[i].page_kb * pages_free(mounts[i].page_kb);

        free_kb += kb < mounts[i].left_kb ? kb : mounts[i].left_kb;
    }
    return free_kb;
}

static uint64_t mounts_all_kb(const struct mount *mounts, uint32_t n)
{
    uint64_t all_kb = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t kb = size_seen(mounts, i) ? 0 : mounts[i].page_kb * pages_all(mounts[i].page_kb);

        all_kb += kb < mounts[i].size_kb ? kb : mounts[i].size_kb;
    }
    return all_kb;
}

bool hugepage_others(const char *dir, uint64_t megabytes)
{
    static struct mount mounts[MOUNTS_MAX];
    uint32_t n = mounts_find(mounts, dir);

    return mounts_free_kb(mounts, n) >> 10 < megabytes && mounts_all_kb(mounts, n) >> 10 >= megabytes;
}

// Returns true if the kernel knows hugetlbfs. A PV domain's doesn't.
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

static int mounts_none(const char *dir)
{
    const char *where = dir[0] != '\0' ? dir : "/dev/hugepages";

    if (!kernel_can())
        LOG(ERR, "this kernel has no hugepages, as in every PV domain of Xen; run the switch in a PVH or HVM domain: "
                 "a driver domain, or domain 0 with dom0=pvh on Xen's command line");
    else
        LOG(ERR, "no hugetlbfs is mounted%s%s; do: mkdir -p %s && mount -t hugetlbfs -o pagesize=2M nodev %s",
            dir[0] != '\0' ? " at " : "", dir, where, where);
    return -ENODEV;
}

// The kernel changes no mounted size.
static int mount_full(const struct mount *m, unsigned long long needed)
{
    unsigned long long used = (m->size_kb - m->left_kb) >> 10;

    LOG(ERR,
        "needs %llu MB of hugepages, and the hugetlbfs at %s has %llu MB left of its size; do: umount %s && mount -t "
        "hugetlbfs -o pagesize=%lluK,size=%lluM nodev %s",
        needed, m->dir, (unsigned long long)m->left_kb >> 10, m->dir, (unsigned long long)m->page_kb, used + needed,
        m->dir);
    return -ENOMEM;
}

int hugepage_check(const char *dir, uint64_t megabytes)
{
    static struct mount mounts[MOUNTS_MAX];
    uint32_t n = mounts_find(mounts, dir);
    unsigned long long needed = megabytes, kb = mounts[0].page_kb;
    uint64_t free_kb, more;

    if (n == 0)
        return mounts_none(dir);
    free_kb = mounts_free_kb(mounts, n);
    if (free_kb >> 10 >= megabytes)
        return 0;
    if (n == 1 && mounts[0].left_kb == free_kb)
        return mount_full(&mounts[0], megabytes);
    more = ((megabytes << 10) - free_kb + kb - 1) / kb;
    LOG(ERR, "needs %llu MB of free hugepages, there are %llu MB; do: echo %llu > " SYSFS "nr_hugepages", needed,
        (unsigned long long)free_kb >> 10, (unsigned long long)(pages_read(kb, "nr_hugepages") + more), kb);
    return -ENOMEM;
}

static uint64_t bound_kb; // EAL hears of no more free memory; 0: of all
static bool bound_by_node;

void hugepage_bound(uint64_t megabytes, bool by_node)
{
    bound_kb = megabytes << 10;
    bound_by_node = by_node;
}

// Not where the choice matters: of pages that a device knows by physical address neighbours are worth most, and of
// several nodes EAL chooses by the lcores.
static bool bound_holds(void)
{
    return bound_kb > 0 && rte_eal_iova_mode() == RTE_IOVA_VA && (bound_by_node || rte_socket_count() == 1);
}

void hugepage_heard(const char *path, unsigned long *value)
{
    unsigned long long kb;
    char what[32];

    if (!bound_holds() || sscanf(path, SYSFS "%31s", &kb, what) != 2 || kb == 0)
        return;
    if (strcmp(what, "free_hugepages") == 0) {
        uint64_t most = (bound_kb + kb - 1) / kb + rte_socket_count(), n = pages_free(kb);

        *value = (n < most ? n : most) + pages_read(kb, "resv_hugepages");
    } else if (strcmp(what, "nr_overcommit_hugepages") == 0) {
        *value = 0; // they are counted above
    }
}

bool hugepage_dir(const char *dir, uint64_t megabytes, char *path, size_t n, uint32_t *page_bytes)
{
    static struct mount mounts[MOUNTS_MAX];
    uint32_t found = mounts_find(mounts, dir);

    for (uint32_t i = 0; i < found; i++) {
        const struct mount *m = &mounts[i];

        if (m->page_kb == 0 || m->page_kb > HUGEPAGE_SMALL_KB || m->left_kb >> 10 < megabytes)
            continue;
        *page_bytes = (uint32_t)(m->page_kb * 1024);
        return snprintf(path, n, "%s", m->dir) < (int)n;
    }
    return false;
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

// EAL names its own <prefix>map_<number>; the others are the fabric's.
static bool file_is(const char *name)
{
    return strncmp(name, "map_", 4) == 0 || strncmp(name, HUGEPAGE_FABRIC, strlen(HUGEPAGE_FABRIC)) == 0;
}

void hugepage_dir_clean(const char *dir, const char *prefix, bool ours)
{
    DIR *d = opendir(dir);
    size_t len = strlen(prefix);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, prefix, len) == 0 && file_is(e->d_name + len))
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
        hugepage_dir_clean(mounts[i].dir, prefix, ours);
}
