/* SPDX-License-Identifier: BSD-3-Clause */
// xv-worker: the back end of one guest. A DPDK secondary process that opens no device.
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "args.h"
#include "claim.h"
#include "conf.h"
#include "confine.h"
#include "control.h"
#include "crossbar_file.h"
#include "eal_leave.h"
#include "exit.h"
#include "layout.h"
#include "link.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "number.h"
#include "rundir.h"
#include "statefile.h"

struct options {
    struct args args;
    uint32_t domid; // MSG_DOMID_ANY: not said
    bool spare;
    bool on_demand;
    bool asks_layout;
    uint32_t layout;
};

#define STOPPED "stopped by a signal"

static int logtype;

static void log_to_eal(enum log_level level, const char *line)
{
    rte_log((uint32_t)level + 1, (uint32_t)logtype, "%s", line);
}

static int set_domid(struct args *a, const char *value)
{
    return number_domid(value, &((struct options *)a)->domid);
}

static int set_spare(struct args *a, const char *value)
{
    (void)value;
    ((struct options *)a)->spare = true;
    return 0;
}

static int set_on_demand(struct args *a, const char *value)
{
    (void)value;
    ((struct options *)a)->on_demand = true;
    return 0;
}

static int set_layout(struct args *a, const char *value)
{
    struct options *o = (struct options *)a;

    o->asks_layout = true;
    return number_parse(value, 16, UINT32_MAX, &o->layout);
}

static const struct args_row rows[] = {
    { "domid", 0, "DOMID", set_domid, "a domain id, 0 to 32751", "the guest" },
    { "spare", 0, NULL, set_spare, "", "start without a guest; xv-watcher names one when it is needed" },
    { "on-demand", 0, NULL, set_on_demand, "", "xv-watcher started it, and ends it when the guest has no device" },
    { "layout", 0, "HASH", set_layout, "a hexadecimal number of 32 bits",
        "exit with 0 if this program's layout of shared memory is HASH, else with 1" },
    ARGS_COMMON,
};
static const struct args_program program = { .name = "xv-worker",
    .synopsis = "usage: xv-worker --domid DOMID [options]\n"
                "       xv-worker --spare [options]\n\n"
                "The back end of one guest; started by xv-watcher, by hand or by systemd.\n",
    .more = "More in xv-worker(8) and xv.conf(5).\n",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]) };

// Returns -1 to go on, or the exit status.
static int options_read(struct options *o, int argc, char **argv)
{
    int ret;

    *o = (struct options){ .domid = MSG_DOMID_ANY };
    ret = args_read(&program, &o->args, argc, argv);
    if (ret >= 0)
        return ret;
    if (o->args.n_operands > 0)
        return args_wrong(&program, "'%s' belongs to no option; a guest is named by --domid", o->args.operands[0]);
    if (o->asks_layout)
        return o->layout == layout_hash() ? EXIT_OK : EXIT_FAILED;
    if (o->domid != MSG_DOMID_ANY && o->spare)
        return args_wrong(&program, "--domid and --spare exclude each other");
    if (o->domid == MSG_DOMID_ANY && !o->spare && !o->args.check)
        return args_wrong(&program, "which guest? --domid DOMID, or --spare");
    return -1;
}

// The CPUs that the worker may use, as EAL's --lcores wants them.
static void cpus_print(char *text, size_t n, const char *configured)
{
    cpu_set_t set;
    size_t at = 0;

    if (configured[0] != '\0') {
        snprintf(text, n, "%s", configured);
        return;
    }
    sched_getaffinity(0, sizeof(set), &set);
    for (int cpu = 0; cpu < CPU_SETSIZE && at + 8 < n; cpu++) {
        if (CPU_ISSET(cpu, &set))
            at += (size_t)snprintf(text + at, n - at, "%s%d", at > 0 ? "," : "", cpu);
    }
}

static int eal_start(const struct conf *c, uint32_t lcore)
{
    char cpus[512] = "", lcores[560], prefix[CONF_TEXT_BYTES + 32];
    struct eal_leave leave;
    int ret = eal_leave_note(&leave);
    char *argv[] = { "xv-worker", "--proc-type=secondary", "--no-pci", "--no-telemetry", "--log-level=lib.eal:warning",
        lcores, prefix, NULL };

    cpus_print(cpus, sizeof(cpus), c->worker_cpus);
    snprintf(lcores, sizeof(lcores), "--lcores=%u@(%s)", lcore, cpus);
    snprintf(prefix, sizeof(prefix), "--file-prefix=%s", c->file_prefix);
    // systemd's RUNTIME_DIRECTORY would lead EAL away from the primary's files.
    unsetenv("RUNTIME_DIRECTORY");
    // A secondary waits for ever on a primary that failed to start; then the signal's default ends it.
    alarm(c->worker_start_ms / 1000 + 1);
    if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0) {
        LOG(ERR, "EAL did not start: %s; is xv-primary running with file_prefix \"%s\"?", rte_strerror(rte_errno),
            c->file_prefix);
        return -EIO;
    }
    alarm(0);
    if (ret == 0)
        ret = eal_leave(&leave);
    if (ret < 0)
        LOG(ERR, "can't leave EAL's shared memory: %s", strerror(-ret));
    return ret;
}

static struct fabric *fabric_find(const struct state *s, int *fds)
{
    static struct fabric fabric;
    // Acquire: pairs with the primary's release; where it is is complete.
    uint64_t epoch = atomic_load_explicit(&s->fabric.epoch, memory_order_acquire);
    char path[STATE_PATH_BYTES];
    int ret;

    snprintf(path, sizeof(path), "%.*s", (int)sizeof(path) - 1, s->fabric.path);
    ret = epoch == 0 ? -EPROTO : crossbar_files_open(&fabric, path, epoch, layout_hash(), fds);
    if (ret == -EPROTO)
        LOG(ERR, "xv-primary's shared memory has another layout: stop xv-primary and start the one of this version");
    else if (ret < 0)
        LOG(ERR, "xv-primary's shared memory, %s*: %s", path, strerror(-ret));
    return ret < 0 ? NULL : &fabric;
}

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); // a log or a watcher that is gone
    signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

// The pidfd of the primary, -1 if it is gone.
static int primary_open(const struct conf *c)
{
    pid_t pid = lock_holder(c->run_dir, LOCK_PRIMARY);

    return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

// A confined worker sees nothing else, and finds its sockets there before and after by the same names.
static int slot_enter(const struct conf *c, uint32_t slot)
{
    char dir[PATH_MAX];
    int ret;

    snprintf(dir, sizeof(dir), "%s/" MSG_SLOT_DIR, c->run_dir, slot);
    ret = chdir(dir) < 0 ? -errno : 0;
    if (ret < 0)
        LOG(ERR, "%s: %s", dir, strerror(-ret));
    return ret;
}

static int guest_serve(const struct conf *c, const struct options *o, int signal_fd)
{
    struct confine confine;
    struct control_start start = {
        .conf = c, .domid = o->domid, .flags = o->on_demand ? MSG_WORKER_ON_DEMAND : 0, .signal_fd = signal_fd
    };
    static int fds[FABRIC_CTX_MAX];
    uint32_t lcore;
    int ret = claim_slot(c, o->domid, start.flags, signal_fd, &start.slot, &lcore);

    if (ret == -EINTR)
        LOG(INFO, STOPPED);
    if (ret != 0)
        return ret == -EINTR ? EXIT_OK : EXIT_FAILED;
    start.primary_fd = primary_open(c);
    if (start.primary_fd < 0) {
        LOG(NOTICE, "xv-primary is gone; stopping");
        return EXIT_PRIMARY_GONE;
    }
    if (slot_enter(c, start.slot) < 0)
        return EXIT_FAILED;
    if (c->worker_confine) {
        start.confine = &confine;
        if (confine_begin(&confine, c) < 0)
            return EXIT_FAILED;
    } else {
        LOG(WARNING, "worker.confine is false: a guest that finds a fault in this worker has all its rights");
    }
    if (eal_start(c, lcore) < 0)
        return EXIT_FAILED;
    logtype = rte_log_register_type_and_pick_level("xv.worker", RTE_LOG_DEBUG);
    log_sink(log_to_eal);
    ret = state_join(&start.state, c->run_dir, &start.state_fd);
    if (ret < 0) {
        LOG(ERR, "%s/" STATE_FILE ": %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    start.fabric = fabric_find(start.state, fds);
    start.fabric_fds = fds;
    if (start.fabric == NULL)
        return EXIT_FAILED;
    switch (control_run(&start)) {
    case CONTROL_SIGNALLED:
        LOG(INFO, STOPPED);
        return EXIT_OK;
    case CONTROL_STOPPED:
        LOG(INFO, "ended by xv-watcher");
        return EXIT_OK;
    case CONTROL_PRIMARY_GONE:
        LOG(NOTICE, "xv-primary is gone; stopping");
        return EXIT_PRIMARY_GONE;
    default:
        return EXIT_FAILED;
    }
}

// The licence to touch this guest's rings: held for life, so the descriptor is never closed. Returns an exit code.
static int guest_lock(const struct conf *c, uint32_t domid)
{
    char name[MSG_NAME_BYTES], who[LOCK_TEXT_BYTES];
    int ret;

    snprintf(name, sizeof(name), LOCK_WORKER, domid);
    ret = rundir_make(c->run_dir);
    if (ret < 0) {
        LOG(ERR, "run_dir %s: %s", c->run_dir, rundir_why(ret));
        return EXIT_FAILED;
    }
    ret = lock_take(c->run_dir, name);
    if (ret >= 0)
        return EXIT_OK;
    if (ret == -EAGAIN) {
        LOG(ERR, "guest %u already has a worker: %s (run_dir %s)", domid, lock_holder_text(c->run_dir, name, who),
            c->run_dir);
        return EXIT_GUEST_TAKEN;
    }
    LOG(ERR, "%s/%s.lock: %s", c->run_dir, name, strerror(-ret));
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    static char err[CONF_ERR_BYTES];
    struct options o;
    int ret = options_read(&o, argc, argv);

    if (ret >= 0)
        return ret;
    if (conf_read(&conf, o.args.config, err, sizeof(err)) < 0)
        return args_complain("xv-worker", err);
    if (o.args.check) {
        conf_print(&conf, stdout);
        return EXIT_OK;
    }
    log_open("xv-worker", conf.log_level);
    notify_open();
    ret = o.spare ? 0 : guest_lock(&conf, o.domid);
    return ret != 0 ? ret : guest_serve(&conf, &o, signals_open());
}
