/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "crowd.h"

// Returns false if the kernel doesn't say.
static bool crowd_read(const struct crowd *c, uint64_t *ran_ns, uint64_t *waited_ns)
{
    char text[64];
    ssize_t n = pread(c->fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "%" SCNu64 " %" SCNu64, ran_ns, waited_ns) == 2;
}

void crowd_open(struct crowd *c)
{
    *c = (struct crowd){ .fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) };
    if (c->fd >= 0)
        crowd_read(c, &c->ran_ns, &c->waited_ns);
}

void crowd_close(struct crowd *c)
{
    if (c->fd >= 0)
        close(c->fd);
}

void crowd_look(struct crowd *c, struct backoff *b, uint64_t now)
{
    uint64_t ran_ns, waited_ns;

    if (c->fd < 0 || now - c->looked_ns < CROWD_LOOK_NS || !crowd_read(c, &ran_ns, &waited_ns))
        return;
    backoff_crowd(b, ran_ns - c->ran_ns, waited_ns - c->waited_ns);
    *c = (struct crowd){ .fd = c->fd, .looked_ns = now, .ran_ns = ran_ns, .waited_ns = waited_ns };
}
