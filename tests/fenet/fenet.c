// SPDX-License-Identifier: BSD-3-Clause
// fenet: a stock guest's network driver for tests. Commands on stdin, one a line; one JSON object on stdout for each.
// README.md lists them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fe.h"
#include "serve.h"

#define IDLE_US 1000

int main(int argc, char **argv)
{
    static struct fe fe;
    static struct guest g = { .fe = &fe, .idle_us = IDLE_US };
    int ret;

    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "usage: fenet < COMMANDS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    ret = fe_open(&fe);
    if (ret < 0) {
        printf("{\"ok\":false,\"errno\":%d,\"error\":\"open: %s\"}\n", -ret, strerror(-ret));
        return 1;
    }
    printf("{\"ok\":true,\"domid\":%u}\n", fe.domid);
    srandom(fe.domid);
    guest_serve(&g, fenet_commands);
    return 0;
}
