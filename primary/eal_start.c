/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "clock.h"
#include "device.h"
#include "eal_files.h"
#include "eal_start.h"
#include "hugepage.h"
#include "lcores.h"
#include "log.h"
#include "msg.h"
#include "rundir.h"

#define LEAVE_MS 10000u // an earlier primary, or a tool of DPDK's, has so long to end
#define MEMORY_MS 5000u // other programs that start have so long to give back what they don't keep
#define LOOK_US 100000u // between two looks at either
#define USERS_SHOWN 8u

static int log_type; // rte_log's number for us

// enum log_level is rte_log's number less one.
static void log_to_eal(enum log_level level, const char *line)
{
    rte_log((uint32_t)level + 1, (uint32_t)log_type, "%s", line);
}

static void log_to_eal_open(void)
{
    log_type = rte_log_register_type_and_pick_level("xv.primary", RTE_LOG_DEBUG);
    if (log_type >= 0)
        log_sink(log_to_eal);
}

static void users_text(char *text, size_t n, const pid_t *pids, uint32_t count)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count && i < USERS_SHOWN && at < n; i++)
        at += (size_t)snprintf(text + at, n - at, " %d", pids[i]);
}

// A primary of another run_dir may have the prefix. Workers don't count: they leave EAL when they have joined it.
static int users_wait(const char *prefix, const _Atomic bool *stopping)
{
    uint64_t until = clock_ms() + LEAVE_MS;
    pid_t pids[USERS_SHOWN];
    bool said = false;
    char text[128];
    uint32_t n;

    while ((n = eal_files_users(prefix, pids, USERS_SHOWN)) > 0) {
        users_text(text, sizeof(text), pids, n);
        if (!said)
            LOG(NOTICE, "waiting for %u processes of an earlier primary to end:%s", n, text);
        said = true;
        if (clock_ms() > until) {
            LOG(ERR, "%u processes with --file-prefix %s still run; end them and start again: kill -9%s", n, prefix,
                text);
            return -EBUSY;
        }
        if (atomic_load_explicit(stopping, memory_order_relaxed))
            return -EINTR;
        usleep(LOOK_US);
    }
    return 0;
}

// Other programs take all free pages for a moment when they start, or end just now.
static int memory_wait(const struct eal_args *e, const _Atomic bool *stopping)
{
    uint64_t until = clock_ms() + MEMORY_MS, megabytes = e->megabytes + e->fabric_mb;
    bool said = false;

    while (hugepage_others(e->huge_dir, megabytes) && clock_ms() < until) {
        if (!said)
            LOG(NOTICE, "waiting for %llu MB of hugepages that other programs have", (unsigned long long)megabytes);
        said = true;
        if (atomic_load_explicit(stopping, memory_order_relaxed))
            return -EINTR;
        usleep(LOOK_US);
    }
    return hugepage_check(e->huge_dir, megabytes);
}

static int eal_prepare(const struct eal_args *e, const struct conf *c, const _Atomic bool *stopping)
{
    uint32_t n;
    int ret;

    eal_files_fix();
    ret = users_wait(e->file_prefix, stopping);
    if (ret < 0)
        return ret;
    n = eal_files_clean(e->file_prefix);
    if (n > 0)
        LOG(INFO, "removed %u files of dead EAL processes", n);
    if (rundir_check(e->huge_dir) == -EPERM) { // who could take files of ours out of it, and put others in
        LOG(ERR, "huge_dir %s: %s", e->huge_dir, rundir_why(-EPERM));
        return -EPERM;
    }
    hugepage_clean(e->huge_dir, e->file_prefix, false);
    hugepage_dir_clean(c->run_dir, e->file_prefix, false); // where the fabric is without hugepages
    if (strcmp(e->file_prefix, c->file_prefix) != 0)
        LOG(WARNING, "--file-prefix %s: workers look for %s, as the configuration says", e->file_prefix,
            c->file_prefix);
    devices_look(e);
    if (e->no_huge)
        return 0;
    hugepage_bound(e->megabytes, e->by_node);
    return memory_wait(e, stopping);
}

// --lcores can say more than we read of it.
static int lcores_check(void)
{
    unsigned int lcore;

    RTE_LCORE_FOREACH(lcore) {
        if (lcore >= MSG_WORKER_LCORE_FIRST) {
            LOG(ERR, "lcore %u is refused: ids from %u on belong to the workers; use --lcores ID@CPU", lcore,
                MSG_WORKER_LCORE_FIRST);
            return -EINVAL;
        }
    }
    return 0;
}

static int eal_init(struct eal_args *e)
{
    int ret = rte_eal_init((int)e->n_words, e->words);

    if (ret < 0) {
        LOG(ERR, "EAL does not start: %s; its own lines above say where", rte_strerror(rte_errno));
        return -rte_errno;
    }
    log_to_eal_open();
    ret = lcores_check();
    if (ret == 0)
        ret = devices_made(e);
    if (ret < 0)
        rte_eal_cleanup();
    return ret;
}

int eal_start(struct eal_args *e, const struct conf *c, const _Atomic bool *stopping)
{
    int ret = eal_prepare(e, c, stopping);

    return ret == 0 ? eal_init(e) : ret;
}

void eal_end(const struct eal_args *e, bool clean)
{
    log_sink(NULL);
    if (clean) // else a driver would wait for a NIC that is gone; what a kill leaves is no harm either
        rte_eal_cleanup();
    hugepage_clean(e->huge_dir, e->file_prefix, true);
    eal_files_remove(e->file_prefix);
}
