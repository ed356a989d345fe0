/* SPDX-License-Identifier: BSD-3-Clause */
// main.c: xv-primary, from its start to its end. What is made here in order is undone in reverse.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_version.h>

#include "control.h"
#include "device.h"
#include "eal_plan.h"
#include "eal_start.h"
#include "exit.h"
#include "ios.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "nics.h"
#include "rundir.h"
#include "statefile.h"

static _Atomic bool stopping;

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
    sigaction(SIGHUP, &ignore, NULL); // a terminal that is closed ends no switch
    sigaction(SIGPIPE, &ignore, NULL);
}

static void check_print(const struct conf *c, const struct eal_args *e)
{
    conf_print(c, stdout);
    printf("\n# memory: %llu MB of hugepages\n# drivers: %s\n# EAL:", (unsigned long long)(e->megabytes + e->fabric_mb),
        XV_DRIVERS);
    for (uint32_t i = 1; i < e->n_words; i++)
        printf(" %s", e->words[i]);
    putchar('\n');
}

static int primary_lock(const char *run_dir)
{
    char who[LOCK_TEXT_BYTES];
    int fd = lock_take(run_dir, LOCK_PRIMARY);

    if (fd == -EWOULDBLOCK)
        LOG(ERR, "xv-primary already runs as %s (run_dir %s)", lock_holder_text(run_dir, LOCK_PRIMARY, who), run_dir);
    else if (fd < 0)
        LOG(ERR, "%s/primary.lock: %s", run_dir, strerror(-fd));
    return fd;
}

static int switch_run(struct primary *p)
{
    int ret = memory_reserve(p);

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

static int eal_run(struct primary *p)
{
    int ret = eal_start(p->eal, p->conf, p->stopping);

    if (ret < 0)
        return ret;
    p->clean = true;
    ret = switch_run(p);
    memory_release(p);
    eal_end(p->eal, p->clean);
    return ret;
}

static int run(struct primary *p)
{
    const char *run_dir = p->conf->run_dir;
    int lock, ret;

    ret = rundir_make(run_dir);
    if (ret < 0) {
        LOG(ERR, "run_dir %s: %s", run_dir, rundir_why(ret));
        return EXIT_FAILED;
    }
    lock = primary_lock(run_dir);
    if (lock < 0)
        return EXIT_FAILED;
    signals_set();
    ret = eal_run(p);
    close(lock);
    return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    static struct eal_args eal;
    static struct options o;
    static struct primary primary = { .conf = &conf, .eal = &eal, .stopping = &stopping };
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
        check_print(&conf, &eal);
        return EXIT_OK;
    }
    return run(&primary);
}
