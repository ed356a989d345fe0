/* SPDX-License-Identifier: BSD-3-Clause */
// xv-watcher: finds guests in XenStore, judges what they publish, and conducts xv-primary and the workers.
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "args.h"
#include "conductor.h"
#include "exit.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "preflight.h"
#include "privilege.h"
#include "rundir.h"
#include "statefile.h"

static const struct args_row rows[] = { ARGS_COMMON };
static const struct args_program program = { .name = "xv-watcher",
    .synopsis = "usage: xv-watcher [options]\n",
    .more = "More in xv-watcher(8) and xv.conf(5).\n",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]) };

// The first process that uses the state besides us. Returns its pid with its name, 0 or -errno.
static pid_t state_user(const char *run_dir, char *name, size_t n)
{
    DIR *dir = opendir(run_dir);
    struct dirent *e;
    pid_t pid = 0;

    while (dir != NULL && pid == 0 && (e = readdir(dir)) != NULL) {
        char *dot = strrchr(e->d_name, '.');

        if (dot == NULL || strcmp(dot, ".lock") != 0)
            continue;
        *dot = '\0';
        if (strcmp(e->d_name, LOCK_PRIMARY) != 0 && strncmp(e->d_name, "worker.", 7) != 0)
            continue;
        snprintf(name, n, "%s", e->d_name);
        pid = lock_holder(run_dir, name);
    }
    if (dir != NULL)
        closedir(dir);
    return pid;
}

// A state of another layout can be replaced when nobody uses it.
static int state_renew(struct state **s, const char *run_dir)
{
    char name[NAME_MAX + 1];
    pid_t pid = state_user(run_dir, name, sizeof(name));

    if (pid < 0) {
        LOG(ERR, "%s/" STATE_FILE " is of another version, and who holds %s.lock can't be told: %s", run_dir, name,
            strerror(-pid));
        return pid;
    }
    if (pid > 0) {
        LOG(ERR, "%s/" STATE_FILE " is of another version and xv-%s %d uses it: stop that first", run_dir, name, pid);
        return -EPROTO;
    }
    LOG(NOTICE, "%s/" STATE_FILE " is of another version: making a new one", run_dir);
    state_remove(run_dir);
    return state_create(s, run_dir);
}

static int state_get(struct state **s, const char *run_dir)
{
    int ret = state_create(s, run_dir);

    if (ret == -EPROTO)
        return state_renew(s, run_dir);
    if (ret < 0)
        LOG(ERR, "%s/" STATE_FILE ": %s", run_dir, strerror(-ret));
    return ret;
}

// Each slot's socket takes several descriptors.
static void files_allow(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void pins_fill(struct binding_pins *pins, const struct conf *conf)
{
    for (uint32_t i = 0; i < conf->n_guests; i++)
        for (uint32_t j = 0; j < conf->guests[i].n_vifs; j++) {
            int32_t number = conf->guests[i].vifs[j].number;

            if (number >= 0 && (uint32_t)number < FABRIC_VIFS_MAX)
                pins->of[number] = true;
        }
}

// To end workers, which are another user's, and to see what processes hold open; the others are for the workers that it
// starts, until they have confined themselves. An xv-primary that it starts needs the network, and all that NICs need.
static int privilege_part(const struct conf *conf)
{
    uint64_t keep = PRIVILEGE(CAP_KILL) | PRIVILEGE(CAP_SYS_PTRACE) | PRIVILEGE(CAP_SETPCAP) |
                    PRIVILEGE(CAP_SYS_CHROOT) | PRIVILEGE(CAP_SETUID) | PRIVILEGE(CAP_SETGID);
    int ret;

    if (conf->primary_start == CONF_START_WATCHER)
        return 0;
    notify_open(); // its socket may be one of the network
    ret = privilege_leave_network();
    if (ret == 0 || ret == -EPERM)
        ret = privilege_keep(keep, keep);
    if (ret < 0)
        LOG(ERR, "can't give up privileges: %s", strerror(-ret));
    return ret;
}

static int watch(const struct conf *conf, const char *conf_file, bool crowded)
{
    static struct conductor c;
    char who[LOCK_TEXT_BYTES];
    int ret = rundir_make(conf->run_dir);

    if (ret < 0) {
        LOG(ERR, "run_dir %s: %s", conf->run_dir, rundir_why(ret));
        return EXIT_FAILED;
    }
    ret = lock_take(conf->run_dir, LOCK_WATCHER);
    if (ret == -EWOULDBLOCK) {
        LOG(ERR, "xv-watcher already runs as %s (run_dir %s)", lock_holder_text(conf->run_dir, LOCK_WATCHER, who),
            conf->run_dir);
        return EXIT_TWIN;
    }
    if (ret < 0) {
        LOG(ERR, "%s/watcher.lock: %s", conf->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    if (state_get(&c.state, conf->run_dir) < 0)
        return EXIT_FAILED;
    files_allow();
    c.conf = conf;
    c.conf_file = conf_file;
    c.ctl.crowded = crowded;
    pins_fill(&c.guests.pins, conf);
    return conductor_run(&c) < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    static char conf_file[PATH_MAX], err[CONF_ERR_BYTES];
    struct args a = { 0 };
    char text[PREFLIGHT_TEXT_BYTES];
    const char *crowded;
    int ret = args_read(&program, &a, argc, argv);

    if (ret >= 0)
        return ret;
    if (a.n_operands > 0)
        return args_wrong(&program, "'%s' belongs to no option", a.operands[0]);
    if (conf_read(&conf, a.config, err, sizeof(err)) < 0)
        return args_complain("xv-watcher", err);
    crowded = preflight_crowded(&conf, preflight_cpus(conf.worker_cpus), text);
    if (a.check) {
        conf_print(&conf, stdout);
        if (crowded != NULL)
            printf("# warning: %s\n", crowded);
        return EXIT_OK;
    }
    // Programs that we start may have another working directory one day.
    if (a.config != NULL && realpath(a.config, conf_file) == NULL)
        snprintf(conf_file, sizeof(conf_file), "%s", a.config);
    log_open("xv-watcher", conf.log_level);
    if (privilege_part(&conf) < 0)
        return EXIT_FAILED;
    if (crowded != NULL)
        LOG(WARNING, "%s", crowded);
    return watch(&conf, a.config == NULL ? NULL : conf_file, crowded != NULL);
}
