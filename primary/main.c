/* SPDX-License-Identifier: BSD-3-Clause */
// main.c: xv-primary, from its start to its end. What is made here in order is undone in reverse.
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memzone.h>
#include <rte_version.h>

#include "device.h"
#include "eal_args.h"
#include "eal_files.h"
#include "hugepage.h"
#include "layout.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "rundir.h"
#include "session.h"
#include "statefile.h"
#include "stats.h"
#include "vif.h"

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1 };

#define CONTROL_MS 10 // the control lcore looks at least so often
#define STOP_MS 5000u // an I/O lcore that takes longer to stop hangs
#define CLEAN_MS 1000u // dead workers' EAL files go so often
#define LEAVE_MS 10000u // an earlier primary's workers have so long to end
#define MEMORY_MS 5000u // other programs that start have so long to give back what they don't keep
#define USERS_SHOWN 8u

static _Atomic bool stopping;
static int log_type;
static struct eal eal;
static struct primary primary;

static void stop_on(int sig)
{
    (void)sig;
    atomic_store_explicit(&stopping, true, memory_order_relaxed);
}

static void signals_set(void)
{
    struct sigaction stop = { .sa_handler = stop_on };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

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

static uint64_t clock_ms(void)
{
    return backoff_clock_ns() / 1000000u;
}

static uint64_t boottime_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void check_print(const struct conf *c)
{
    conf_print(c, stdout);
    printf("\n# memory: %llu MB of hugepages\n# drivers: %s\n# EAL:", (unsigned long long)eal.megabytes, XV_DRIVERS);
    for (uint32_t i = 1; i < eal.n_words; i++)
        printf(" %s", eal.words[i]);
    putchar('\n');
}

static int primary_lock(const char *run_dir)
{
    char who[LOCK_TEXT_BYTES];
    int fd = lock_take(run_dir, "primary");

    if (fd == -EWOULDBLOCK)
        LOG(ERR, "xv-primary already runs as %s (run_dir %s)", lock_holder_text(run_dir, "primary", who), run_dir);
    else if (fd < 0)
        LOG(ERR, "%s/primary.lock: %s", run_dir, strerror(-fd));
    return fd;
}

static void users_text(char *text, size_t n, const pid_t *pids, uint32_t count)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count && i < USERS_SHOWN && at < n; i++)
        at += (size_t)snprintf(text + at, n - at, " %d", pids[i]);
}

// Workers end when their primary does, but that takes them a moment, and a new one can't start before.
static int users_wait(const char *prefix)
{
    uint64_t until = clock_ms() + LEAVE_MS;
    pid_t pids[USERS_SHOWN];
    bool said = false;
    char text[128];
    uint32_t n;

    while ((n = runtime_users(prefix, pids, USERS_SHOWN)) > 0) {
        users_text(text, sizeof(text), pids, n);
        if (!said)
            LOG(NOTICE, "waits for %u processes of an earlier primary to end:%s", n, text);
        said = true;
        if (clock_ms() > until) {
            LOG(ERR, "%u processes with --file-prefix %s still run; end them and start again: kill -9%s", n, prefix,
                text);
            return -EBUSY;
        }
        if (atomic_load_explicit(&stopping, memory_order_relaxed))
            return -EINTR;
        usleep(100000);
    }
    return 0;
}

// Other programs take all free pages for a moment when they start, or end just now.
static int memory_wait(void)
{
    uint64_t until = clock_ms() + MEMORY_MS;
    bool said = false;

    while (hugepage_others(eal.huge_dir, eal.megabytes) && clock_ms() < until) {
        if (!said)
            LOG(NOTICE, "waits for %llu MB of hugepages that other programs have", (unsigned long long)eal.megabytes);
        said = true;
        if (atomic_load_explicit(&stopping, memory_order_relaxed))
            return -EINTR;
        usleep(100000);
    }
    return hugepage_check(eal.huge_dir, eal.megabytes);
}

static int eal_prepare(const struct conf *c)
{
    uint32_t n;
    int ret;

    runtime_fix();
    ret = users_wait(eal.file_prefix);
    if (ret < 0)
        return ret;
    n = runtime_clean(eal.file_prefix);
    if (n > 0)
        LOG(INFO, "removed %u files of dead EAL processes", n);
    hugepage_clean(eal.huge_dir, eal.file_prefix, false);
    if (strcmp(eal.file_prefix, c->file_prefix) != 0)
        LOG(WARNING, "--file-prefix %s: workers look for %s, as the configuration says", eal.file_prefix,
            c->file_prefix);
    devices_look(&eal);
    if (eal.no_huge)
        return 0;
    hugepage_bound(eal.megabytes, eal.by_node);
    return memory_wait();
}

// --lcores can say more than we read of it.
static int lcores_check(void)
{
    unsigned int lcore;

    RTE_LCORE_FOREACH(lcore)
    {
        if (lcore >= EAL_LCORES_MAX) {
            LOG(ERR, "lcore %u is refused: ids from %u on belong to the workers; use --lcores ID@CPU", lcore,
                EAL_LCORES_MAX);
            return -EINVAL;
        }
    }
    return 0;
}

static int eal_start(void)
{
    int ret = rte_eal_init((int)eal.n_words, eal.words);

    if (ret < 0) {
        LOG(ERR, "EAL does not start: %s; its own lines above say where", rte_strerror(rte_errno));
        return -rte_errno;
    }
    log_to_eal_open();
    ret = lcores_check();
    if (ret == 0)
        ret = devices_made(&eal);
    if (ret < 0)
        rte_eal_cleanup();
    return ret;
}

static int fabric_make(struct primary *p)
{
    const struct conf *c = p->conf;
    struct crossbar_size size = { .max_vifs = c->max_vifs,
        .max_guests = c->max_guests,
        .n_io = eal_io_lcores(rte_lcore_count()),
        .lane_slots = c->lane_slots,
        .ctx_bufs = c->buffers };
    uint64_t bytes = crossbar_bytes(&size);
    const struct rte_memzone *mz = rte_memzone_reserve_aligned(FABRIC_MEMZONE, bytes, SOCKET_ID_ANY, 0, 64);

    if (mz == NULL) {
        LOG(ERR,
            "no piece of %llu MB for the fabric in %llu MB of hugepages: %s; raise primary.memory_mb, or set "
            "hugepages aside at boot",
            (unsigned long long)(bytes >> 20), (unsigned long long)eal.megabytes, rte_strerror(rte_errno));
        return -ENOMEM;
    }
    memset(mz->addr, 0, bytes);
    p->fabric = mz->addr;
    p->n_io = size.n_io;
    crossbar_init(p->fabric, &size, boottime_ns(), layout_hash());
    p->fabric->vm2vm = c->primary_vm2vm;
    return 0;
}

static int ios_make(struct primary *p)
{
    for (uint32_t i = 0; i < p->n_io; i++) {
        p->ios[i] = io_new(i, p->fabric, p->state, p->conf);
        if (p->ios[i] == NULL) {
            LOG(ERR, "no memory for I/O lcore %u", i);
            return -ENOMEM;
        }
        p->ios[i]->alone = rte_lcore_count() == 1;
    }
    // What an earlier primary had is in the state still.
    for (uint32_t i = 0; i < STATE_PORTS_MAX * STATE_QUEUES_MAX; i++)
        atomic_store_explicit(&p->state->queues[0][i].used, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < p->n_nics; i++) {
        for (uint16_t turn = 0; turn < p->nics[i].n_tx; turn++)
            io_uplink_add(p->ios[(i + turn) % p->n_io], &p->nics[i], (uint16_t)i, turn);
    }
    return 0;
}

// The state is there: run the I/O lcores. session_start_fn.
static int ios_start(struct primary *p)
{
    struct state_fabric *at = &p->state->fabric;
    unsigned int lcore;
    uint32_t i = 0;
    int ret = ios_make(p);

    if (ret < 0)
        return ret;
    vifs_remember(p);
    at->addr = (uintptr_t)p->fabric;
    at->bytes = p->fabric->bytes;
    // Release: pairs with the workers' acquire.
    atomic_store_explicit(&at->epoch, p->fabric->epoch, memory_order_release);
    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        if (i < p->n_io)
            rte_eal_remote_launch(io_run, p->ios[i++], lcore);
    }
    return 0;
}

// Returns false, after it said so, if one doesn't stop.
static bool lcores_wait(void)
{
    uint64_t until = clock_ms() + STOP_MS;
    unsigned int lcore;

    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        while (rte_eal_get_lcore_state(lcore) == RUNNING) {
            if (clock_ms() > until) {
                LOG(ERR, "lcore %u does not stop: ends without it", lcore);
                return false;
            }
            usleep(1000);
        }
    }
    return true;
}

// Returns whether none runs any more, so that what they use may go.
static bool ios_stop(struct primary *p)
{
    for (uint32_t i = 0; i < p->n_io; i++) {
        if (p->ios[i] != NULL)
            io_stop(p->ios[i]);
    }
    if (!lcores_wait())
        return false;
    for (uint32_t i = 0; i < p->n_io; i++) {
        if (p->ios[i] != NULL)
            io_free(p->ios[i]);
    }
    return true;
}

static void runtime_turn(uint64_t now)
{
    static uint64_t cleaned;

    if (now - cleaned < CLEAN_MS)
        return;
    cleaned = now;
    runtime_clean(eal.file_prefix);
}

static void control_turn(struct session *s, uint64_t *stats_ms)
{
    struct primary *p = s->primary;
    uint64_t now = clock_ms();

    runtime_turn(now);
    session_turn(s, now, ios_start);
    if (p->conf->primary_stats > 0 && p->state != NULL && now - *stats_ms >= p->conf->primary_stats * 1000ull) {
        *stats_ms = now;
        stats_print(p, stdout);
    }
}

static void control_wait(const struct session *s)
{
    static uint32_t us;
    struct pollfd fds[] = { { .fd = s->link.fd, .events = POLLIN }, { .fd = s->netifs, .events = POLLIN } };
    struct timespec pause;

    us = session_waits(s) ? mailbox_pause(us) : 0;
    pause.tv_sec = 0;
    pause.tv_nsec = us > 0 ? us * 1000l : CONTROL_MS * 1000000l;
    ppoll(fds, RTE_DIM(fds), &pause, NULL);
}

// One lcore for both: the switch first, control every millisecond.
static void alone_turn(struct session *s, struct io *io, uint64_t *stats_ms)
{
    uint64_t until = clock_ms() + 1;

    do
        io_go(io);
    while (clock_ms() < until);
    control_turn(s, stats_ms);
}

static int control_run(struct primary *p)
{
    uint64_t stats_ms = clock_ms();
    struct session s;
    int ret = session_open(&s, p);

    if (ret < 0) {
        LOG(ERR, "%s/" MSG_PRIMARY_SOCKET ": %s", p->conf->run_dir, strerror(-ret));
        return ret;
    }
    while (!s.stop && !atomic_load_explicit(&stopping, memory_order_relaxed)) {
        if (p->ios[0] != NULL && p->ios[0]->alone) {
            alone_turn(&s, p->ios[0], &stats_ms);
        } else {
            control_turn(&s, &stats_ms);
            control_wait(&s);
        }
    }
    LOG(NOTICE, "stops");
    notify_say("STOPPING=1");
    session_close(&s);
    return s.failed ? -EIO : 0;
}

static int switch_run(struct primary *p)
{
    int ret = fabric_make(p);

    if (ret < 0)
        return ret;
    ret = nics_open(p->nics, STATE_PORTS_MAX, p->conf, p->n_io);
    if (ret < 0)
        return ret;
    p->n_nics = (uint32_t)ret;
    if (p->n_nics == 0)
        LOG(NOTICE, "no uplink: guests reach each other only");
    ret = control_run(p);
    p->clean = ios_stop(p);
    if (!p->clean)
        return -ETIMEDOUT;
    if (p->state != NULL)
        state_close(p->state);
    p->clean = nics_close(p->nics, p->n_nics);
    return ret;
}

static int eal_run(const struct conf *c)
{
    int ret = eal_prepare(c);

    if (ret == 0)
        ret = eal_start();
    if (ret < 0)
        return ret;
    primary.conf = c;
    primary.clean = true;
    ret = switch_run(&primary);
    log_sink(NULL);
    if (primary.clean) // else a driver would wait for a NIC that is gone; what a kill leaves is no harm either
        rte_eal_cleanup();
    hugepage_clean(eal.huge_dir, eal.file_prefix, true);
    runtime_remove(eal.file_prefix);
    return ret;
}

static enum exit_code run(const struct conf *c)
{
    int lock, ret;

    ret = rundir_make(c->run_dir);
    if (ret < 0) {
        LOG(ERR, "cannot make %s: %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    lock = primary_lock(c->run_dir);
    if (lock < 0)
        return EXIT_FAILED;
    signals_set();
    ret = eal_run(c);
    close(lock);
    return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    static struct options o;
    static char err[CONF_ERR_BYTES];
    int ret;

    if (options_parse(&o, argc, argv, err, sizeof(err)) < 0)
        return args_wrong(&options_program, "%s", err);
    if (o.args.help)
        args_usage(&options_program, stdout);
    else if (o.args.version)
        printf("xv-primary %s, %s\n", XV_VERSION, rte_version());
    if (o.args.help || o.args.version)
        return EXIT_OK;
    if (conf_read(&conf, o.args.config, err, sizeof(err)) < 0)
        return args_complain("xv-primary", err);
    options_apply(&o, &conf);
    ret = eal_plan(&eal, "", argv[0], &o, &conf, err, sizeof(err));
    if (devices_check(&eal, err, sizeof(err)) < 0 || ret < 0)
        return args_complain("xv-primary", err);
    args_complain("xv-primary", o.eal.notes);
    args_complain("xv-primary", eal.given.notes);
    log_open("xv-primary", conf.log_level);
    if (o.args.check) {
        devices_look(&eal);
        check_print(&conf);
        return EXIT_OK;
    }
    return run(&conf);
}
