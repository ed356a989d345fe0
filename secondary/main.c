/* SPDX-License-Identifier: BSD-3-Clause */
// xv-worker: the back end of one guest. A DPDK secondary process that opens no device.
#include <errno.h>
#include <getopt.h>
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
#include <rte_memory.h>

#include "conf.h"
#include "control.h"
#include "crossbar.h"
#include "layout.h"
#include "link.h"
#include "lock.h"
#include "log.h"
#include "rundir.h"
#include "slot.h"
#include "statefile.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PRIMARY_GONE = 3, EXIT_TWIN = 4 };

static const char usage[] =
    "usage: xv-worker --domid DOMID | --spare [--config FILE]\n"
    "\n"
    "The back end of one guest; started by xv-watcher, by hand or by systemd.\n"
    "\n"
    "  --domid DOMID  the guest's domain id\n"
    "  --spare        start without a guest; xv-watcher names one when it is needed\n"
    "  --config FILE  configuration, default " CONF_FILE "\n"
    "  --layout HASH  exit with 0 if this program's layout of shared memory is HASH, else with 1\n"
    "  -n             check the configuration, print what is in force, and exit\n"
    "  --help         this text\n"
    "  --version      the version\n";

struct options {
    uint32_t domid;
    const char *config;
    bool spare;
    bool check;
};

static int logtype;

static void log_to_eal(enum log_level level, const char *line)
{
    rte_log((uint32_t)level + 1, (uint32_t)logtype, "%s", line);
}

// Returns 0 to go on, or 1 + the exit code.
static int options_parse(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {
        { "domid", required_argument, NULL, 'd' },
        { "spare", no_argument, NULL, 's' },
        { "config", required_argument, NULL, 'c' },
        { "layout", required_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    char *end = NULL;
    int opt;

    *o = (struct options){ .domid = MSG_DOMID_ANY };
    while ((opt = getopt_long(argc, argv, "n", names, NULL)) != -1) {
        switch (opt) {
        case 'd':
            o->domid = (uint32_t)strtoul(optarg, &end, 10);
            if (*optarg < '0' || *optarg > '9' || *end != '\0' || o->domid >= 0x7ff0) {
                fprintf(stderr, "xv-worker: --domid %s: not a domain id (0 to 32751)\n", optarg);
                return 1 + EXIT_USAGE;
            }
            break;
        case 'c':
            o->config = optarg;
            break;
        case 's':
            o->spare = true;
            break;
        case 'l':
            return 1 + (strtoul(optarg, NULL, 16) == layout_hash() ? EXIT_OK : EXIT_FAILED);
        case 'n':
            o->check = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1 + EXIT_OK;
        case 'v':
            puts("xv-worker " XV_VERSION);
            return 1 + EXIT_OK;
        default:
            fputs(usage, stderr);
            return 1 + EXIT_USAGE;
        }
    }
    if (optind < argc || (!o->check && (o->domid == MSG_DOMID_ANY) != o->spare)) {
        fputs(usage, stderr);
        return 1 + EXIT_USAGE;
    }
    return 0;
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
    return 0;
}

// EAL has mapped it where the primary has it. Not by its memzone: to look that up takes a lock (eal.c).
static struct fabric *fabric_find(const struct state *s)
{
    // Acquire: pairs with the primary's release; where it is is complete.
    uint64_t epoch = atomic_load_explicit(&s->fabric.epoch, memory_order_acquire);
    struct fabric *f = (struct fabric *)(uintptr_t)s->fabric.addr;

    if (epoch == 0 || rte_mem_virt2memseg_list(f) == NULL || f->epoch != epoch ||
        crossbar_check(f, s->fabric.bytes, layout_hash()) < 0) {
        LOG(ERR, "xv-primary's shared memory has another layout: stop xv-primary and start the one of this version");
        return NULL;
    }
    return f;
}

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

// The pidfd of the primary, -1 if it is gone.
static int primary_open(const struct conf *c)
{
    pid_t pid = lock_holder(c->run_dir, "primary");

    return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static int guest_serve(const struct conf *c, const struct options *o, int signal_fd)
{
    struct control_start start = { .conf = c, .domid = o->domid, .signal_fd = signal_fd };
    uint32_t lcore;
    int ret = slot_claim(c, o->domid, signal_fd, &start.slot, &lcore);

    if (ret != 0)
        return ret == -EINTR ? EXIT_OK : EXIT_FAILED;
    start.primary_fd = primary_open(c);
    if (start.primary_fd < 0) {
        LOG(NOTICE, "xv-primary is gone; stopping");
        return EXIT_PRIMARY_GONE;
    }
    if (eal_start(c, lcore) < 0)
        return EXIT_FAILED;
    logtype = rte_log_register_type_and_pick_level("xv.worker", RTE_LOG_DEBUG);
    log_sink(log_to_eal);
    ret = state_open(&start.state, c->run_dir);
    if (ret < 0) {
        LOG(ERR, "%s/" STATE_FILE ": %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    start.fabric = fabric_find(start.state);
    if (start.fabric == NULL)
        return EXIT_FAILED;
    switch (control_run(&start)) {
    case CONTROL_STOPPED:
        LOG(INFO, "stopped");
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

    snprintf(name, sizeof(name), "worker.%u", domid);
    ret = rundir_make(c->run_dir);
    if (ret < 0) {
        LOG(ERR, "%s: %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    ret = lock_take(c->run_dir, name);
    if (ret >= 0)
        return EXIT_OK;
    if (ret == -EAGAIN) {
        LOG(ERR, "guest %u already has a worker: %s (run_dir %s)", domid, lock_holder_text(c->run_dir, name, who),
            c->run_dir);
        return EXIT_TWIN;
    }
    LOG(ERR, "%s/%s.lock: %s", c->run_dir, name, strerror(-ret));
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    struct options o;
    static char err[CONF_ERR_BYTES];
    int ret = options_parse(&o, argc, argv);

    if (ret != 0)
        return ret - 1;
    if (conf_read(&conf, o.config, err, sizeof(err)) < 0) {
        fprintf(stderr, "xv-worker: %s\n", err);
        return EXIT_USAGE;
    }
    if (o.check) {
        conf_print(&conf, stdout);
        return EXIT_OK;
    }
    log_open("xv-worker", conf.log_level);
    ret = o.spare ? 0 : guest_lock(&conf, o.domid);
    return ret != 0 ? ret : guest_serve(&conf, &o, signals_open());
}
