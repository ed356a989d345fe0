/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "confine.h"
#include "lock.h"
#include "log.h"
#include "privilege.h"

#define NOBODY 65534 // the kernel's overflowuid: owns nothing
#define OWN_BYTES (256ull << 20) // that it may still map besides what its guest grants

// ---- before EAL

static int user_find(struct confine *x, const char *name)
{
    const struct passwd *user = getpwnam(name);

    *x = (struct confine){ .uid = NOBODY, .gid = NOBODY };
    if (user == NULL && strcmp(name, CONF_WORKER_USER) == 0)
        return 0; // nobody made it
    if (user == NULL || user->pw_uid == 0) {
        LOG(ERR, "worker.user: %s %s", name, user == NULL ? "is no user of this host" : "is root");
        return -EINVAL;
    }
    *x = (struct confine){ .uid = user->pw_uid, .gid = user->pw_gid };
    return 0;
}

int confine_begin(struct confine *x, const struct conf *c)
{
    int ret = user_find(x, c->worker_user);

    if (ret < 0)
        return ret;
    calls_prepare();
    // Whoever started it may have taken it out of the network, and kept this right.
    ret = privilege_leave_network();
    if (ret < 0 && ret != -EPERM)
        LOG(WARNING, "can't leave the host's network: %s", strerror(-ret));
    // What the primary holds open can't be seen without the right to trace it.
    ret = privilege_keep(PRIVILEGE(CAP_SYS_CHROOT) | PRIVILEGE(CAP_SETUID) | PRIVILEGE(CAP_SETGID), 0);
    if (ret < 0)
        LOG(ERR, "can't give up capabilities: %s", strerror(-ret));
    return ret;
}

// ---- Landlock

// As linux/landlock.h has it, which is older than some kernels.
struct ruleset {
    uint64_t fs, net, scoped;
};

// All that a kernel with this version of Landlock can refuse to open, connect or bind. Returns the size of *r there.
static size_t ruleset_all(struct ruleset *r, long version)
{
    r->fs = version >= 5 ? 0xffff : version >= 3 ? 0x7fff : version == 2 ? 0x3fff : 0x1fff;
    r->net = version >= 4 ? 0x3 : 0; // TCP
    r->scoped = version >= 6 ? 0x1 : 0; // abstract sockets
    return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

static int own_files_allow(int ruleset)
{
    struct landlock_path_beneath_attr own = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
    long ret;

    own.parent_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (own.parent_fd < 0)
        return -errno;
    ret = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &own, 0);
    ret = ret < 0 ? -errno : 0;
    close(own.parent_fd);
    return (int)ret;
}

int confine_files(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset r;
    int fd, ret;

    if (version < 1)
        return 0;
    fd = (int)syscall(SYS_landlock_create_ruleset, &r, ruleset_all(&r, version), 0);
    if (fd < 0)
        return -errno;
    ret = own_files_allow(fd);
    if (ret == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        ret = -errno;
    close(fd);
    return ret;
}

// ---- before the guest

static int said(const char *what, int ret)
{
    if (ret < 0)
        LOG(ERR, "can't confine this worker: %s: %s; see worker.confine in xv.conf(5)", what, strerror(-ret));
    return ret;
}

// glibc does each of these in all threads, and the kernel takes the capabilities of who stops being root.
static int user_become(const struct confine *x)
{
    if (setgroups(0, NULL) < 0 || setresgid(x->gid, x->gid, x->gid) < 0 || setresuid(x->uid, x->uid, x->uid) < 0)
        return -errno;
    return 0;
}

int confine_enter(const struct confine *x)
{
    int ret = said("chroot", chroot(".") < 0 || chdir("/") < 0 ? -errno : 0);

    return ret < 0 ? ret : said("user", user_become(x));
}

// Pages that the guest may have mapped, twice: a device's next start comes before the last one's memory is gone.
static uint64_t pages_most(const struct conf *c)
{
    uint32_t most = c->guest_pages;

    for (uint32_t i = 0; i < c->n_guests; i++)
        if (c->guests[i].pages > (int64_t)most)
            most = (uint32_t)c->guests[i].pages;
    return 2ull * most;
}

static int limit(int what, uint64_t n)
{
    const struct rlimit l = { n, n };

    return setrlimit(what, &l) < 0 ? -errno : 0;
}

int confine_limits(const struct conf *c)
{
    FILE *f = fopen("/proc/self/statm", "re");
    uint64_t now = 0;
    int ret = f != NULL && fscanf(f, "%" SCNu64, &now) == 1 ? 0 : -EIO;

    if (f != NULL)
        fclose(f);
    if (ret == 0)
        ret = limit(RLIMIT_AS, (now + pages_most(c)) * (uint64_t)sysconf(_SC_PAGESIZE) + OWN_BYTES);
    return ret < 0 ? ret : limit(RLIMIT_NOFILE, LOCK_FD_FIRST);
}

int confine_end(const struct confine *x, const struct conf *c, struct calls_devices d)
{
    int ret = said("limits", confine_limits(c));

    if (ret == 0)
        ret = confine_enter(x);
    return ret < 0 ? ret : said("system calls", calls_allow(c, d));
}
