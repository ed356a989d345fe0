/* SPDX-License-Identifier: BSD-3-Clause */
// xv-provision: gives domains what they need in XenStore to reach the switch. Runs in domain 0.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "backend.h"
#include "exit.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "number.h"
#include "privilege.h"
#include "reconcile.h"
#include "rundir.h"
#include "watch.h"
#include "xendev.h"
#include "xenvirt.h"

struct provision_args {
    struct args args;
    bool watch;
};

static int set_watch(struct args *a, const char *value)
{
    (void)value;
    ((struct provision_args *)a)->watch = true;
    return 0;
}

static const struct args_row rows[] = {
    { "watch", 0, NULL, set_watch, "", "stay, for all domains, as they come and go" },
    ARGS_COMMON,
};
static const struct args_program program = { .name = "xv-provision",
    .synopsis = "usage: xv-provision [options] DOMID...\n"
                "       xv-provision [options] --watch\n\n"
                "Give each domain what the configuration allows it, or take it back. Runs in domain 0.\n",
    .more = "More in xv-provision(8) and xv.conf(5).\n",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]) };

// Returns -1 to go on, or the exit status.
static int options_read(struct provision_args *o, int argc, char **argv)
{
    uint32_t domid;
    int ret;

    *o = (struct provision_args){ 0 };
    ret = args_read(&program, &o->args, argc, argv);
    if (ret >= 0)
        return ret;
    for (int i = 0; i < o->args.n_operands; i++) {
        if (number_domid(o->args.operands[i], &domid) < 0 || domid == 0)
            return args_wrong(
                &program, "'%s' is not a guest's domain id (1 to %u)", o->args.operands[i], XENVIRT_DOMID_LAST);
    }
    if (o->watch && o->args.n_operands > 0)
        return args_wrong(&program, "--watch is for all domains; name none");
    if (!o->watch && o->args.n_operands == 0 && !o->args.check)
        return args_wrong(&program, "which domains? DOMID..., or --watch");
    return -1;
}

static bool reconciled_say(enum reconciled state, uint32_t domid, const char *backend)
{
    switch (state) {
    case RECONCILED_GIVEN:
        return true;
    case RECONCILED_WAITS:
        LOG(ERR,
            "guest %u: can't be served yet: the back end's domain (%s) or the guest's control directory is not there",
            domid, backend);
        return false;
    case RECONCILED_REFUSED:
        LOG(ERR, "guest %u: the configuration does not allow it, or has the back end there", domid);
        return false;
    case RECONCILED_GONE:
        LOG(ERR, "guest %u: no such domain", domid);
        return false;
    default:
        return false;
    }
}

// Each domain that is named, once.
static int provision(const struct conf *c, int argc, char **argv)
{
    struct xs_handle *xs = xs_open(0);
    uint32_t backend, domid = 0;
    char why[XENDEV_TEXT_BYTES];
    bool well = true;
    int ret;

    if (xs == NULL) {
        LOG(ERR, "no XenStore: %s; xv-provision runs in domain 0", xendev_why("", "xenbus", errno, why));
        return EXIT_FAILED;
    }
    if (backend_find(xs, c->provision_backend, &backend) < 0)
        backend = DOMID_NONE;
    for (int i = 0; i < argc; i++) {
        number_domid(argv[i], &domid);
        well &= reconciled_say(domain_reconcile(xs, c, backend, domid), domid, c->provision_backend);
    }
    ret = backend == DOMID_NONE ? 0 : backend_allow_events(xs, backend);
    if (ret < 0)
        LOG(WARNING, BACKEND_EVENTS_REFUSED, backend, strerror(-ret));
    xs_close(xs);
    return well ? EXIT_OK : EXIT_FAILED;
}

static int watch(const struct conf *c)
{
    char who[LOCK_TEXT_BYTES];
    int ret = rundir_make(c->run_dir);

    if (ret < 0) {
        LOG(ERR, "run_dir %s: %s", c->run_dir, rundir_why(ret));
        return EXIT_FAILED;
    }
    ret = lock_take(c->run_dir, LOCK_PROVISION);
    if (ret == -EAGAIN) {
        LOG(ERR, "xv-provision --watch already runs as %s (run_dir %s)",
            lock_holder_text(c->run_dir, LOCK_PROVISION, who), c->run_dir);
        return EXIT_TWIN;
    }
    if (ret < 0) {
        LOG(ERR, "%s/provision.lock: %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    return watch_run(c) < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    static char err[CONF_ERR_BYTES];
    struct provision_args o;
    int ret = options_read(&o, argc, argv);

    if (ret >= 0)
        return ret;
    if (conf_read(&conf, o.args.config, err, sizeof(err)) < 0)
        return args_complain("xv-provision", err);
    if (o.args.check) {
        conf_print(&conf, stdout);
        return EXIT_OK;
    }
    log_open("xv-provision", conf.log_level);
    notify_open(); // its socket may be one of the network
    ret = privilege_leave_network();
    if (ret == 0 || ret == -EPERM)
        ret = privilege_keep(PRIVILEGE(CAP_SYS_PTRACE), 0); // to say who holds a lock
    if (ret < 0) {
        LOG(ERR, "can't give up privileges: %s", strerror(-ret));
        return EXIT_FAILED;
    }
    return o.watch ? watch(&conf) : provision(&conf, o.args.n_operands, o.args.operands);
}
