/* SPDX-License-Identifier: BSD-3-Clause */
// xvctl.c: what the operator types. docs/xvctl.1.md describes it.
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "clock.h"
#include "conf.h"
#include "exit.h"
#include "json.h"
#include "metrics.h"
#include "number.h"
#include "privilege.h"
#include "rundir.h"
#include "statefile.h"
#include "table.h"
#include "xenvirt.h"

#define RESTART_LOOK_MS 20

static struct conf conf;

#define COMMANDS "show [DOMID], metrics, restart DOMID or options"

struct ctl_args {
    struct args args;
    bool json;
};

static int set_json(struct args *a, const char *value)
{
    (void)value;
    ((struct ctl_args *)a)->json = true;
    return 0;
}

static const struct args_row rows[] = {
    { "json", 0, NULL, set_json, "", "show: one JSON object" },
    ARGS_COMMON,
};
static const struct args_program program = { .name = "xvctl",
    .synopsis = "usage: xvctl [options] COMMAND\n\n"
                "  show [DOMID]            guests and devices, or those of one guest: MAC, VLAN, state, packets, drops "
                "by reason\n"
                "  metrics                 all of it as OpenMetrics, for Prometheus' node_exporter\n"
                "  restart DOMID           restart that guest's back end, and wait until it is back\n"
                "  options                 the options of the configuration file\n",
    .more = "exit: 0 done, 1 failed, 2 wrong usage or configuration, 3 xv-watcher does not answer\n"
            "More in xvctl(1).\n",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]) };

// Say why a question to the watcher failed.
static int client_failed(int ret)
{
    if (ret == -ETIMEDOUT && access(conf.run_dir, X_OK) < 0 && errno == EACCES)
        fprintf(stderr, "xvctl: no access to %s: run it as root\n", conf.run_dir);
    else if (ret == -ETIMEDOUT)
        fprintf(stderr, "xvctl: xv-watcher does not answer: is it running? (run_dir %s)\n", conf.run_dir);
    else if (ret == -EPROTO)
        fprintf(stderr, "xvctl: xv-watcher answers as another version of xv does: restart it\n");
    else
        fprintf(stderr, "xvctl: can't speak with xv-watcher: %s (run_dir %s)\n", strerror(-ret), conf.run_dir);
    return EXIT_NO_WATCHER;
}

static int count_all(struct show *sh)
{
    const struct state *s;
    int ret = state_view(&s, conf.run_dir);

    if (ret < 0) {
        fprintf(stderr, "xvctl: can't read the counters in %s/" STATE_FILE ": %s\n", conf.run_dir,
            ret == -EPROTO ? "it is of another version of xv" : strerror(-ret));
        return EXIT_FAILED;
    }
    show_count(sh, s);
    state_close(s);
    return EXIT_OK;
}

typedef void show_print_fn(const struct show *sh, FILE *out);

// domid: the guest's, or MSG_DOMID_ANY.
static int show(struct client *c, show_print_fn *print, uint32_t domid)
{
    struct show sh = { 0 };
    int ret = client_show(c, &sh);

    ret = ret < 0 ? client_failed(ret) : EXIT_OK;
    if (ret == EXIT_OK && domid != MSG_DOMID_ANY && !show_keep(&sh, domid)) {
        fprintf(stderr, "xvctl: guest %u is not known: xvctl show lists those that are\n", domid);
        ret = EXIT_FAILED;
    }
    if (ret == EXIT_OK)
        ret = count_all(&sh);
    if (ret == EXIT_OK)
        print(&sh, stdout);
    show_fini(&sh);
    if (fflush(stdout) != 0)
        ret = EXIT_FAILED;
    return ret;
}

// How far a guest's back end is.
struct progress {
    struct msg_record guest; // kind MSG_RECORD_NONE: the watcher doesn't know it
    uint32_t running; // devices
};

static int progress_look(struct client *c, uint32_t domid, struct progress *p)
{
    struct show sh = { 0 };
    int ret = client_show(c, &sh);

    *p = (struct progress){ 0 };
    for (uint32_t i = 0; i < sh.n_guests; i++) {
        if (sh.guests[i].domid == domid)
            p->guest = sh.guests[i];
    }
    for (uint32_t i = 0; i < sh.n_vifs; i++)
        p->running += sh.vifs[i].said.domid == domid && strcmp(sh.vifs[i].said.state, "running") == 0;
    show_fini(&sh);
    return ret;
}

// Returns true if there is another worker than before, and it is as far as that one was.
static bool progress_made(const struct progress *before, const struct progress *now)
{
    if (now->guest.pid <= 0 || now->guest.pid == before->guest.pid || now->running < before->running)
        return false;
    return before->guest.pid == 0 || strcmp(now->guest.state, before->guest.state) == 0;
}

static int restart_wait(struct client *c, uint32_t domid, const struct progress *before)
{
    uint32_t most_ms = conf.worker_start_ms + conf.worker_hang_ms;
    struct timespec asleep = { .tv_nsec = RESTART_LOOK_MS * 1000000 };
    struct progress now;

    for (uint64_t end = clock_ms() + most_ms; clock_ms() < end; nanosleep(&asleep, NULL)) {
        int ret = progress_look(c, domid, &now);

        if (ret < 0)
            return client_failed(ret);
        if (now.guest.kind == MSG_RECORD_NONE) {
            fprintf(stderr, "xvctl: guest %u went away\n", domid);
            return EXIT_FAILED;
        }
        if (progress_made(before, &now)) {
            printf("guest %u: back end restarted, ", domid);
            if (before->guest.pid > 0)
                printf("pid %d before, %d now\n", before->guest.pid, now.guest.pid);
            else
                printf("none before, pid %d now\n", now.guest.pid);
            return EXIT_OK;
        }
    }
    fprintf(stderr,
        "xvctl: guest %u: no new back end in force after %u ms%s; see xvctl show and the log of xv-watcher\n", domid,
        most_ms, conf.worker_start == CONF_START_EXTERNAL ? " (worker.start is \"external\": start xv-worker)" : "");
    return EXIT_FAILED;
}

static int restart(struct client *c, uint32_t domid)
{
    union msg m = { .RESTART = { .domid = domid } };
    struct progress before;
    int ret = progress_look(c, domid, &before);

    if (ret == 0)
        ret = client_ask(c, &m, MSG_RESTART, MSG_DONE);
    if (ret < 0)
        return client_failed(ret);
    if (m.DONE.ret < 0) {
        fprintf(stderr, "xvctl: %s\n", m.DONE.text[0] != '\0' ? m.DONE.text : strerror(-m.DONE.ret));
        return EXIT_FAILED;
    }
    return restart_wait(c, domid, &before);
}

struct command {
    bool options;
    show_print_fn *print; // of what the switch is doing; NULL: restart
    uint32_t domid; // MSG_DOMID_ANY: all
};

// Returns 0, or the exit status.
static int command_parse(struct command *cmd, const struct ctl_args *a)
{
    char **words = a->args.operands;
    int n = a->args.n_operands, more = 1;
    bool restart;

    *cmd = (struct command){ .domid = MSG_DOMID_ANY };
    if (n == 0)
        return args_wrong(&program, "a command is missing: " COMMANDS);
    if (strcmp(words[0], "show") == 0)
        cmd->print = a->json ? json_print : table_print;
    else if (strcmp(words[0], "metrics") == 0)
        cmd->print = metrics_print;
    cmd->options = strcmp(words[0], "options") == 0;
    restart = strcmp(words[0], "restart") == 0;
    if (cmd->print == NULL && !cmd->options && !restart)
        return args_wrong(&program, "unknown command '%s': " COMMANDS, words[0]);
    if (a->json && cmd->print != json_print)
        return args_wrong(&program, "--json belongs to show");
    if (restart && n != 2)
        return args_wrong(&program, "restart takes one domain id");
    if (cmd->print == json_print || cmd->print == table_print)
        more = 2;
    if (!restart && n > more)
        return args_wrong(&program, "%s takes nothing more, but '%s' was given", words[0], words[more]);
    if (n == 2 && number_domid(words[1], &cmd->domid) < 0)
        return args_wrong(&program, "%s is no domain id; allowed: 0 to %u", words[1], XENVIRT_DOMID_LAST);
    return 0;
}

static int run(const struct command *cmd, const struct args *args)
{
    static char err[CONF_ERR_BYTES];
    struct client c;
    int ret;

    if (cmd->options) {
        conf_describe(stdout);
        return EXIT_OK;
    }
    if (conf_read(&conf, args->config, err, sizeof(err)) < 0)
        return args_complain("xvctl", err);
    if (args->check) {
        conf_print(&conf, stdout);
        return EXIT_OK;
    }
    ret = rundir_check(conf.run_dir);
    if (ret == -EPERM || ret == -ENOTDIR) { // who answers there is anybody
        fprintf(stderr, "xvctl: run_dir %s: %s\n", conf.run_dir, rundir_why(ret));
        return EXIT_FAILED;
    }
    ret = privilege_keep(0, 0);
    if (ret == 0)
        ret = client_open(&c, conf.run_dir);
    if (ret < 0)
        return client_failed(ret);
    ret = cmd->print != NULL ? show(&c, cmd->print, cmd->domid) : restart(&c, cmd->domid);
    client_close(&c);
    return ret;
}

int main(int argc, char **argv)
{
    struct ctl_args a = { 0 };
    struct command cmd = { 0 };
    int ret = args_read(&program, &a.args, argc, argv);

    if (ret >= 0)
        return ret;
    if (!a.args.check || a.args.n_operands > 0)
        ret = command_parse(&cmd, &a);
    return ret > 0 ? ret : run(&cmd, &a.args);
}
