/* SPDX-License-Identifier: BSD-3-Clause */
// xv-provision: gives domains what they need in XenStore to reach the switch. Runs in domain 0.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "rundir.h"
#include "settle.h"
#include "store.h"
#include "watch.h"
#include "xendev.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TWIN = 3 };

struct options {
    const char *config;
    bool watch;
    bool check;
};

static void usage(FILE *out)
{
    fputs("usage: xv-provision [--config FILE] DOMID...\n"
          "       xv-provision [--config FILE] --watch\n"
          "       xv-provision [--config FILE] -n\n"
          "  DOMID          give this domain what the configuration allows it, or take it back\n"
          "  --watch        do so for all domains, and as they come and go\n"
          "  --config FILE  read FILE instead of " CONF_FILE "\n"
          "  -n             check the configuration, print it, and end\n"
          "  -h, --help     this text\n"
          "  --version      the version\n",
        out);
}

static int usage_wrong(void)
{
    usage(stderr);
    return EXIT_USAGE;
}

// Domains that the command line names, or none. Returns -1 to go on, or the exit status.
static int operands_check(const struct options *o, int argc, char **argv)
{
    uint32_t domid;

    for (int i = 0; i < argc; i++) {
        if (domid_parse(argv[i], &domid) < 0 || domid == 0) {
            fprintf(stderr, "xv-provision: %s: not a guest's domain id (1 to %u)\n", argv[i], DOMID_LAST);
            return EXIT_USAGE;
        }
    }
    if (!o->check && o->watch == (argc > 0))
        return usage_wrong();
    return -1;
}

// Returns -1 to go on, or the exit status.
static int options_parse(struct options *o, int argc, char **argv)
{
    static const struct option names[] = { { "config", required_argument, NULL, 'f' },
        { "watch", no_argument, NULL, 'w' }, { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' },
        { 0 } };
    int opt;

    *o = (struct options){ 0 };
    while ((opt = getopt_long(argc, argv, "nh", names, NULL)) != -1) {
        switch (opt) {
        case 'f':
            o->config = optarg;
            break;
        case 'w':
            o->watch = true;
            break;
        case 'n':
            o->check = true;
            break;
        case 'h':
            usage(stdout);
            return EXIT_OK;
        case 'v':
            puts("xv-provision " XV_VERSION);
            return EXIT_OK;
        default:
            return usage_wrong();
        }
    }
    return operands_check(o, argc - optind, argv + optind);
}

static bool settled_say(enum settled settled, uint32_t domid, const char *backend)
{
    switch (settled) {
    case SETTLED_GIVEN:
        return true;
    case SETTLED_WAITS:
        LOG(ERR,
            "guest %u: can't be served yet: the back end's domain (%s) or the guest's control directory is not there",
            domid, backend);
        return false;
    case SETTLED_REFUSED:
        LOG(ERR, "guest %u: the configuration does not allow it, or has the back end there", domid);
        return false;
    case SETTLED_GONE:
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
    if (store_backend(xs, c->provision_backend, &backend) < 0)
        backend = DOMID_NONE;
    for (int i = 0; i < argc; i++) {
        domid_parse(argv[i], &domid);
        well &= settled_say(domain_settle(xs, c, backend, domid), domid, c->provision_backend);
    }
    ret = backend == DOMID_NONE ? 0 : store_tell_lives(xs, backend);
    if (ret < 0)
        LOG(WARNING, STORE_LIVES_REFUSED, backend, strerror(-ret));
    xs_close(xs);
    return well ? EXIT_OK : EXIT_FAILED;
}

static int watch(const struct conf *c)
{
    char who[LOCK_TEXT_BYTES];
    int ret = rundir_make(c->run_dir);

    if (ret < 0) {
        LOG(ERR, "%s: %s", c->run_dir, strerror(-ret));
        return EXIT_FAILED;
    }
    ret = lock_take(c->run_dir, "provision");
    if (ret == -EAGAIN) {
        LOG(ERR, "xv-provision --watch already runs as %s (run_dir %s)", lock_holder_text(c->run_dir, "provision", who),
            c->run_dir);
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
    struct options o;
    static char err[CONF_ERR_BYTES];
    int ret = options_parse(&o, argc, argv);

    if (ret >= 0)
        return ret;
    if (conf_read(&conf, o.config, err, sizeof(err)) < 0) {
        fprintf(stderr, "xv-provision: %s\n", err);
        return EXIT_USAGE;
    }
    if (o.check) {
        conf_print(&conf, stdout);
        return EXIT_OK;
    }
    log_open("xv-provision", conf.log_level);
    return o.watch ? watch(&conf) : provision(&conf, argc - optind, argv + optind);
}
