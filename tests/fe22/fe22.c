// SPDX-License-Identifier: BSD-3-Clause
// fe22: a guest for tests. Commands on stdin, one a line; one JSON object on stdout for each. README.md lists them.
#include "command.h"
#include "fe.h"
#include "flow.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 16384
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
            g->fe.list_end = strtol(optarg, NULL, 0);
        else if (opt == 'i')
            g->idle_us = strtol(optarg, NULL, 0) % 1000000;
        else
            return -1;
    }
    return optind == argc ? 0 : -1;
}

// Serve each line of what came. Returns false at the end of the input.
static bool input(struct guest *g)
{
    static char line[LINE_BYTES];
    static size_t at;
    ssize_t got = read(STDIN_FILENO, line + at, sizeof(line) - 1 - at);
    char *nl;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    at += got;
    line[at] = '\0';
    while ((nl = strchr(line, '\n')) != NULL) {
        *nl = '\0';
        command_run(g, line);
        at -= nl + 1 - line;
        memmove(line, nl + 1, at + 1);
    }
    if (at == sizeof(line) - 1)
        at = 0; // longer than any command
    return true;
}

// Rings, then flows, then input; with nothing to do, a short sleep.
static void serve(struct guest *g)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    for (;;) {
        bool busy = guest_poll(g) | flows_run(g);
        struct timespec wait = { .tv_nsec = busy ? 0 : g->idle_us * 1000 };

        if (ppoll(&in, 1, &wait, NULL) > 0 && !input(g))
            return;
    }
}

int main(int argc, char **argv)
{
    static struct guest g = { .idle_us = IDLE_US };
    uint32_t backend = 0;
    bool keep = false, raw = false;
    int ret;

    if (options(argc, argv, &g, &backend, &keep, &raw) < 0) {
        fprintf(
            stderr, "usage: fe22 [--backend DOMID] [--compat-keep] [--raw] [--list-end 0|-1] [--idle US] < COMMANDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    ret = fe_open(&g.fe, backend, keep, raw);
    if (ret < 0) {
        printf("{\"ok\":false,\"errno\":%d,\"error\":\"open: %s\"}\n", -ret, strerror(-ret));
        return 1;
    }
    printf("{\"ok\":true,\"domid\":%u,\"removed\":%s}\n", g.fe.domid, g.fe.removed ? "true" : "false");
    serve(&g);
    return 0;
}
