// SPDX-License-Identifier: BSD-3-Clause
// fe22: a guest for tests. Commands on stdin, one a line; one JSON object on stdout for each. README.md lists them.
#include "command.h"
#include "fe.h"
#include "serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_US 200

static int options(int argc, char **argv, struct guest *g, uint32_t *backend, bool *keep, bool *raw)
{
    static const struct option table[] = {
        { "backend", required_argument, NULL, 'b' },
        { "compat-keep", no_argument, NULL, 'k' },
        { "raw", no_argument, NULL, 'r' },
        { "list-end", required_argument, NULL, 'e' },
        { "idle", required_argument, NULL, 'i' },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (opt == 'b')
            *backend = strtoul(optarg, NULL, 0);
        else if (opt == 'k')
            *keep = true;
        else if (opt == 'r')
            *raw = true;
        else if (opt == 'e')
            g->fe->list_end = strtol(optarg, NULL, 0);
        else if (opt == 'i')
            g->idle_us = strtol(optarg, NULL, 0) % 1000000;
        else
            return -1;
    }
    return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct fe fe;
    static struct guest g = { .fe = &fe, .idle_us = IDLE_US };
    uint32_t backend = 0;
    bool keep = false, raw = false;
    int ret;

    if (options(argc, argv, &g, &backend, &keep, &raw) < 0) {
        fprintf(
            stderr, "usage: fe22 [--backend DOMID] [--compat-keep] [--raw] [--list-end 0|-1] [--idle US] < COMMANDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    ret = fe_open(&fe, backend, keep, raw);
    if (ret < 0) {
        printf("{\"ok\":false,\"errno\":%d,\"error\":\"open: %s\"}\n", -ret, strerror(-ret));
        return 1;
    }
    printf("{\"ok\":true,\"domid\":%u,\"removed\":%s}\n", fe.domid, fe.removed ? "true" : "false");
    guest_serve(&g, fe22_commands);
    return 0;
}
