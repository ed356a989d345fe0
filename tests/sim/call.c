/* SPDX-License-Identifier: BSD-3-Clause */
// xensim-call DIR create|destroy DOMID, xensim-call DIR grants|ports: what xensim has to say to the keeper.
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grant.h"
#include "run.h"

static int keeper = -1;

static void call(enum grant_op op, uint32_t domid, int list)
{
    struct grant_req req = { .op = op, .domid = domid };
    struct grant_rep rep;
    unsigned n_fds = 0;

    if (grant_send(keeper, &req, sizeof(req), &list, list >= 0) < 0 ||
        grant_recv(keeper, &rep, sizeof(rep), NULL, &n_fds) < 0)
        err(1, "keeper");
    if (rep.error != 0)
        errx(1, "domain %u: %s", domid, strerror(rep.error));
}

static void list_print(enum grant_op op)
{
    int list = memfd_create("list", MFD_CLOEXEC);
    char text[4096];
    ssize_t n;

    if (list < 0)
        err(1, "memfd");
    call(op, 0, list);
    lseek(list, 0, SEEK_SET);
    while ((n = read(list, text, sizeof(text))) > 0)
        fwrite(text, 1, n, stdout);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX];

    if (argc < 3)
        errx(2, "usage: xensim-call DIR create|destroy DOMID, or: DIR grants|ports");
    if (run_path(path, argv[1], RUN_NO_DOMAIN, "keeper") < 0)
        err(1, "%s", argv[1]);
    keeper = run_connect(path, SOCK_SEQPACKET);
    if (keeper < 0)
        err(1, "%s", path);
    call(GRANT_HELLO, 0, -1);
    if (argc == 3 && strcmp(argv[2], "grants") == 0)
        list_print(GRANT_QUERY);
    else if (argc == 3 && strcmp(argv[2], "ports") == 0)
        list_print(EVENT_QUERY);
    else if (argc == 4 && strcmp(argv[2], "create") == 0)
        call(GRANT_CREATE, strtoul(argv[3], NULL, 10), -1);
    else if (argc == 4 && strcmp(argv[2], "destroy") == 0)
        call(GRANT_DESTROY, strtoul(argv[3], NULL, 10), -1);
    else
        errx(2, "%s: not known", argv[2]);
    return 0;
}
