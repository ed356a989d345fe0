// SPDX-License-Identifier: BSD-3-Clause
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define LINE_BYTES 16384

static const struct command *command_find(const struct command *all, const char *name)
{
    while (all->name != NULL && strcmp(all->name, name) != 0)
        all++;
    return all->name != NULL ? all : NULL;
}

static void command_run(struct guest *g, const struct command *own, char *line)
{
    struct words w = { .n = 0 };
    const struct command *command;
    char *rest = NULL;
    int ret = -ENOSYS;

    for (char *t = strtok_r(line, " \t\r", &rest); t != NULL && w.n < WORDS_MAX; t = strtok_r(NULL, " \t\r", &rest))
        w.word[w.n++] = t;
    if (w.n == 0)
        return;
    command = command_find(own, w.word[0]);
    if (command == NULL)
        command = command_find(traffic_commands, w.word[0]);
    if (command != NULL)
        ret = command->run(g, &w);
    if (ret < 0)
        printf("{\"ok\":false,\"errno\":%d,\"error\":\"%s: %s\"}\n", -ret, w.word[0], strerror(-ret));
}

// Serve each line of what came. Returns false at the end of the input.
static bool input(struct guest *g, const struct command *own)
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
        command_run(g, own, line);
        at -= nl + 1 - line;
        memmove(line, nl + 1, at + 1);
    }
    if (at == sizeof(line) - 1)
        at = 0; // longer than any command
    return true;
}

// Rings, then flows, then input; with nothing to do, a short sleep.
void guest_serve(struct guest *g, const struct command *own)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fe_fd(g->fe), .events = POLLIN } };

    for (;;) {
        bool busy = guest_poll(g) | flows_run(g);
        struct timespec wait = { .tv_nsec = busy ? 0 : g->idle_us * 1000 };

        if (ppoll(fds, 2, &wait, NULL) <= 0)
            continue;
        if (fds[1].revents != 0)
            fe_events(g->fe);
        if (fds[0].revents != 0 && !input(g, own))
            return;
    }
}
